/* Columns in which something stands out: as a sliver of a pale band it would be in the picture and yet not seen. */
import type { Columns } from '../../src/protocol/columns';

/** How many times further from its mean than usual an extreme is that stands out. */
const FAR = 5;

export interface Spike {
  readonly step: number;
  readonly mean: number;
  readonly extreme: number;
}

function medianOf(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}

/** Lowest and highest values that are far from the mean of their column, compared with those of the columns in view. */
export function spikesOf({ steps, low, high, mean, aggregated }: Columns): Spike[] {
  if (aggregated === 1) return [];
  return [low, high].flatMap((extremes) => {
    const all = Array.from(steps, (step, i): Spike => ({ step, mean: mean[i] ?? NaN, extreme: extremes[i] ?? NaN }));
    const distance = ({ mean: middle, extreme }: Spike): number => Math.abs(extreme - middle);
    const finite = all.filter((column) => Number.isFinite(distance(column)));
    const usual = medianOf(finite.map(distance));
    return finite.filter((column) => distance(column) > FAR * usual);
  });
}
