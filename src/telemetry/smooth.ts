import type { Cut, Series } from './series';

/** What a column weighs when it may be left out. */
const FORGOTTEN = 0.01;

/**
 * The exponential moving average of a series over the columns that it is drawn in: a whole column weighs `strength` times as much as
 * the one after it, however many points it stands for, so that an average looks alike at any zoom. Weights sum to one from the
 * first column on (no pull towards 0 at the start). A column that has no finite point is none in the average either, and moves
 * nothing. The average begins anew with each phase: two phases optimise different things.
 */
export function smooth(series: Series, { start, end, size }: Cut, strength: number): number[] {
  const { stretches } = series;
  const out: number[] = [];
  let [sum, weight, stretch] = [0, 0, 0];
  // Columns before those in view count as well.
  const before = Math.ceil(Math.log(FORGOTTEN) / Math.log(strength));
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
      // The newest column may not be full yet.
      const kept = strength ** ((stop - from) / size);
      sum = kept * sum + (1 - kept) * mean;
      weight = kept * weight + (1 - kept);
    }
    if (stop > start) out.push(Number.isFinite(mean) ? sum / weight : NaN);
  }
  return out;
}
