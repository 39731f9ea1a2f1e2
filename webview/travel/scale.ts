/* What the height of a line over time stands for. No elements here. */

/** The least part of a share from 0 to 1 that fills the height: a gain of 0.2 points is to look like one. */
export const LEAST_SHARE = 0.1;

/** From where to where the height goes: from the lowest value to the highest, or over `least` around them, within 0 and 1. */
export function scaleOf(values: readonly number[], least: number): readonly [low: number, high: number] {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  if (high - low >= least) return [low, high];
  const from = Math.max(0, Math.min((low + high - least) / 2, 1 - least));
  return [from, from + least];
}
