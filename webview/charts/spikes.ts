/* Columns in which something stands out: as a sliver of a pale band it would be in the picture and yet not seen. */
import type { Columns } from '../../src/protocol/columns';

/** An extreme stands out that is so many times further from its mean than in most columns. */
const FAR = 2;
/** Share of the columns that are most: what a tenth of them show is noise. */
const MOST = 0.9;

export interface Spike {
  readonly step: number;
  readonly mean: number;
  readonly extreme: number;
}

/** Lowest and highest values that are far from the mean of their column, compared with those of the columns in view. */
export function spikesOf({ steps, low, high, mean, aggregated }: Columns): Spike[] {
  if (aggregated === 1) return [];
  return [low, high].flatMap((extremes) => {
    const all = Array.from(steps, (step, i): Spike => ({ step, mean: mean[i] ?? NaN, extreme: extremes[i] ?? NaN }));
    const distance = ({ mean: middle, extreme }: Spike): number => Math.abs(extreme - middle);
    const finite = all.filter((column) => Number.isFinite(distance(column)));
    const usual = finite.map(distance).sort((a, b) => a - b)[Math.floor(MOST * finite.length)] ?? 0;
    return finite.filter((column) => distance(column) > FAR * usual);
  });
}
