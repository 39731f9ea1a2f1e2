import { Pyramid } from './pyramid';

/** Points as a chart wants them: one column per field. `aggregated` tells how many stored points one column stands for. */
export interface Thinned {
  /** The last step of each column. */
  readonly steps: number[];
  readonly low: number[];
  readonly high: number[];
  readonly mean: number[];
  /** Points of the column that are finite and not above 0. */
  readonly notPositive: number[];
  /** Points of the column that are not finite. */
  readonly bad: number[];
  readonly aggregated: number;
}

/** Points that are drawn: the indices [start, end), and how many stand in a column, a power of two. */
export interface Cut {
  readonly start: number;
  readonly end: number;
  readonly size: number;
}

/** Points that one phase measured: from the point with this index up to the next stretch. */
export interface Stretch {
  readonly phase: number;
  readonly start: number;
}

/** The same by its steps. */
export interface Span {
  readonly phase: number;
  readonly from: number;
  readonly to: number;
}

/** Points of a discarded branch, of which some stand for all. */
export interface BranchPoints {
  readonly steps: readonly number[];
  readonly values: readonly number[];
}

/** Values of one metric over steps. Steps ascend: a resumed attempt that repeats steps replaces what it repeats. */
export class Series {
  readonly steps: number[] = [];
  readonly values: number[] = [];
  /** In order. */
  readonly stretches: Stretch[] = [];
  /** Points that a later attempt trained anew: kept as a discarded branch, in the order they came. */
  readonly discarded: { readonly step: number; readonly value: number }[] = [];
  private readonly pyramid = new Pyramid(this.values);
  private chosen: { readonly of: number; readonly most: number; readonly points: BranchPoints } | undefined;

  constructor(readonly name: string) {}

  get last(): number | undefined {
    return this.values.at(-1);
  }

  /** What is measured once more at the newest step takes the place of the value there. */
  append(step: number, value: number, phase = 0): void {
    const last = this.steps.at(-1);
    if (last !== undefined && last > step) this.discardFrom(step); // somebody went back, and the event that says so is missing
    else if (last === step) this.cutTo(this.steps.length - 1);
    if (this.stretches.at(-1)?.phase !== phase) this.stretches.push({ phase, start: this.steps.length });
    this.steps.push(step);
    this.values.push(value);
    this.pyramid.grow();
  }

  /** Points at `step` and later leave the series for the discarded branch. */
  discardFrom(step: number): void {
    const cut = this.indexOf(step);
    for (let i = cut; i < this.steps.length; i++) this.discarded.push({ step: this.steps[i] ?? 0, value: this.values[i] ?? NaN });
    if (cut < this.steps.length) this.cutTo(cut);
  }

  /** At most `most` points of the discarded branch, at equal distances; the same lists until it grows. */
  branch(most: number): BranchPoints {
    const { discarded } = this;
    if (this.chosen?.of !== discarded.length || this.chosen.most !== most) {
      const stride = Math.ceil(discarded.length / most) || 1;
      const some = discarded.filter((_, i) => i % stride === 0);
      const points = { steps: some.map(({ step }) => step), values: some.map(({ value }) => value) };
      this.chosen = { of: discarded.length, most, points };
    }
    return this.chosen.points;
  }

  /** From which step to which it was measured, phase by phase. */
  spans(): Span[] {
    return this.stretches.map(({ phase, start }, k) => {
      const stop = this.stretches[k + 1]?.start ?? this.steps.length;
      return { phase, from: this.steps[start] ?? 0, to: this.steps[stop - 1] ?? 0 };
    });
  }

  /** The points of the steps [from, to], in at most `columns` columns. */
  cut(columns: number, from = -Infinity, to = Infinity): Cut {
    const start = this.indexOf(from);
    const end = to === Infinity ? this.steps.length : this.indexAfter(to);
    let size = 1;
    while (Math.ceil(end / size) - Math.floor(start / size) > Math.max(1, columns)) size *= 2;
    return { start, end, size };
  }

  /** The mean of the finite ones of the points [start, end); NaN where there is none. */
  meanOf(start: number, end: number): number {
    const { sum, count } = this.pyramid.query(start, end);
    return count > 0 ? sum / count : NaN;
  }

  /**
   * At most `columns` columns over the steps [from, to]. A column keeps the lowest and highest value of its points, so
   * that no spike is lost, and their mean. A column whose points are all not finite is NaN: a gap that the chart marks.
   * Columns begin at multiples of their size, which is a power of two: an append changes the last column alone, until
   * the size doubles.
   */
  thin(columns: number, from = -Infinity, to = Infinity): Thinned {
    const { start, end, size } = this.cut(columns, from, to);
    const out: Thinned = { steps: [], low: [], high: [], mean: [], notPositive: [], bad: [], aggregated: size };
    for (let i = start; i < end; ) {
      const stop = Math.min((Math.floor(i / size) + 1) * size, end);
      const { low, high, sum, count, notPositive, bad } = this.pyramid.query(i, stop);
      out.steps.push(this.steps[stop - 1] ?? 0);
      out.low.push(count > 0 ? low : NaN);
      out.high.push(count > 0 ? high : NaN);
      out.mean.push(count > 0 ? sum / count : NaN);
      out.notPositive.push(notPositive);
      out.bad.push(bad);
      i = stop;
    }
    return out;
  }

  private cutTo(length: number): void {
    this.steps.length = length;
    this.values.length = length;
    while ((this.stretches.at(-1)?.start ?? -1) >= length) this.stretches.pop();
    this.pyramid.shrink();
  }

  /** Index of the first point whose step is at least `step`. */
  private indexOf(step: number): number {
    return this.search((other) => other < step);
  }

  /** Index of the first point whose step is greater than `step`. */
  private indexAfter(step: number): number {
    return this.search((other) => other <= step);
  }

  private search(before: (step: number) => boolean): number {
    let low = 0;
    let high = this.steps.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (before(this.steps[middle] ?? 0)) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
