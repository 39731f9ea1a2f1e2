import type { Cut, Series } from './series';

/** What a point weighs when it may be left out. */
const FORGOTTEN = 0.01;

/**
 * How many points of a series lie in a stretch of so many steps: a power of two, so that it seldom becomes another. A series
 * with fewer than one there has one.
 */
export function pointsWithin({ steps }: Series, width: number): number {
  const apart = ((steps.at(-1) ?? 0) - (steps[0] ?? 0)) / (steps.length - 1);
  return apart > 0 && width > apart ? 2 ** Math.ceil(Math.log2(width / apart)) : 1;
}

/**
 * The exponential moving average of a series over the columns that it is drawn in: `unit` points weigh `strength` times as much as as
 * many after them. Where those are the points of a column's width, an average looks alike at any zoom, and is the same of all that a
 * chart shows. Weights sum to one from the first column on (no pull towards 0 at the start). A column that has no finite point is none
 * in the average either, and moves nothing. The average begins anew with each phase: two phases optimise different things.
 */
export function smooth(series: Series, { start, end, size }: Cut, strength: number, unit: number): number[] {
  const { stretches } = series;
  const out: number[] = [];
  let [sum, weight, stretch] = [0, 0, 0];
  // Columns before those in view count as well.
  const before = Math.ceil((Math.log(FORGOTTEN) / Math.log(strength)) * (unit / size));
  for (let i = Math.max(0, Math.floor(start / size) - before) * size; i < end; i += size) {
    const stop = Math.min(i + size, end);
    let from = i;
    while ((stretches[stretch + 1]?.start ?? Infinity) < stop) {
      stretch++;
      from = Math.max(i, stretches[stretch]?.start ?? 0);
      [sum, weight] = [0, 0];
    }
    const mean = series.meanOf(from, stop);
    if (Number.isFinite(mean)) {
      const kept = strength ** ((stop - from) / unit);
      sum = kept * sum + (1 - kept) * mean;
      weight = kept * weight + (1 - kept);
    }
    if (stop > start) out.push(Number.isFinite(mean) ? sum / weight : NaN);
  }
  return out;
}
