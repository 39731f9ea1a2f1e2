/** What a stretch of points comes to. Of the finite ones: the lowest, the highest, their sum and count. */
export interface Aggregate {
  low: number;
  high: number;
  sum: number;
  count: number;
  /** Finite ones that a logarithmic axis cannot show. */
  notPositive: number;
  /** Points that are not finite. */
  bad: number;
}

const FACTOR = 4;

interface Level {
  readonly low: number[];
  readonly high: number[];
  readonly sum: number[];
  readonly count: number[];
  readonly notPositive: number[];
  readonly bad: number[];
}

const empty = (): Aggregate => ({ low: Infinity, high: -Infinity, sum: 0, count: 0, notPositive: 0, bad: 0 });

function addPoint(to: Aggregate, value: number): void {
  if (!Number.isFinite(value)) {
    to.bad++;
    return;
  }
  if (value < to.low) to.low = value;
  if (value > to.high) to.high = value;
  if (value <= 0) to.notPositive++;
  to.sum += value;
  to.count++;
}

function addBucket(to: Aggregate, level: Level, i: number): void {
  to.low = Math.min(to.low, level.low[i] ?? Infinity);
  to.high = Math.max(to.high, level.high[i] ?? -Infinity);
  to.sum += level.sum[i] ?? 0;
  to.count += level.count[i] ?? 0;
  to.notPositive += level.notPositive[i] ?? 0;
  to.bad += level.bad[i] ?? 0;
}

/**
 * Aggregates over any stretch of a growing list, without walking through it. Level k holds buckets of 4^(k+1) points,
 * whole ones only: an append touches a level once in as many points as its buckets hold, so it costs O(1) on average,
 * and a query takes at most six buckets of each level.
 */
export class Pyramid {
  private readonly levels: Level[] = [];

  /** `values` is the list itself; `grow` and `shrink` are told of what happens to its end. */
  constructor(private readonly values: readonly number[]) {}

  /** A point was appended. */
  grow(): void {
    let covered = this.values.length;
    for (let k = 0; covered % FACTOR === 0; k++) {
      covered /= FACTOR;
      const level = (this.levels[k] ??= { low: [], high: [], sum: [], count: [], notPositive: [], bad: [] });
      const whole = this.fromBelow(k, (covered - 1) * FACTOR);
      level.low.push(whole.low);
      level.high.push(whole.high);
      level.sum.push(whole.sum);
      level.count.push(whole.count);
      level.notPositive.push(whole.notPositive);
      level.bad.push(whole.bad);
    }
  }

  /** The list was cut to its present length. */
  shrink(): void {
    let covered = this.values.length;
    for (const level of this.levels) {
      covered = Math.floor(covered / FACTOR);
      for (const column of Object.values(level) as number[][]) column.length = Math.min(column.length, covered);
    }
  }

  /** Over the points [start, end). */
  query(start: number, end: number): Aggregate {
    const out = empty();
    let at = start;
    let size = 1;
    let k = -1;
    // Up: ever larger buckets while they begin where we are and fit; then down again for the rest.
    while (at < end) {
      while (at % (size * FACTOR) === 0 && at + size * FACTOR <= end) {
        size *= FACTOR;
        k++;
      }
      while (at + size > end) {
        size /= FACTOR;
        k--;
      }
      const level = this.levels[k];
      if (level === undefined) addPoint(out, this.values[at] ?? NaN);
      else addBucket(out, level, at / size);
      at += size;
    }
    return out;
  }

  /** A bucket of level k from the four below it, the first of which is number `first`. */
  private fromBelow(k: number, first: number): Aggregate {
    const out = empty();
    const below = this.levels[k - 1];
    for (let i = first; i < first + FACTOR; i++) {
      if (below === undefined) addPoint(out, this.values[i] ?? NaN);
      else addBucket(out, below, i);
    }
    return out;
  }
}
