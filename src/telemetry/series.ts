/** Points as a chart wants them: one column per field. `aggregated` tells how many stored points one column stands for. */
export interface Thinned {
  readonly steps: number[];
  readonly low: number[];
  readonly high: number[];
  readonly mean: number[];
  readonly aggregated: number;
}

/** Values of one metric over steps. Steps ascend: a resumed attempt that repeats steps replaces what it repeats. */
export class Series {
  readonly steps: number[] = [];
  readonly values: number[] = [];
  /** Points that a later attempt trained anew: kept as a discarded branch, in the order they came. */
  readonly discarded: { readonly step: number; readonly value: number }[] = [];

  constructor(readonly name: string) {}

  get last(): number | undefined {
    return this.values.at(-1);
  }

  append(step: number, value: number): void {
    while (this.steps.length > 0 && (this.steps.at(-1) ?? 0) >= step) {
      this.discarded.push({ step: this.steps.pop() ?? 0, value: this.values.pop() ?? NaN });
    }
    this.steps.push(step);
    this.values.push(value);
  }

  /**
   * At most `columns` columns over [from, to]. A column keeps the lowest and highest value of its points, so that no
   * spike is lost, and their mean. A column whose points are all not finite is NaN: a gap that the chart marks.
   */
  thin(columns: number, from = -Infinity, to = Infinity): Thinned {
    const start = this.indexOf(from);
    const end = to === Infinity ? this.steps.length : this.indexOf(to + 1);
    const size = Math.max(1, Math.ceil((end - start) / Math.max(1, columns)));
    const out: Thinned = { steps: [], low: [], high: [], mean: [], aggregated: size };
    for (let i = start; i < end; i += size) {
      let low = Infinity;
      let high = -Infinity;
      let sum = 0;
      let count = 0;
      const stop = Math.min(i + size, end);
      for (let k = i; k < stop; k++) {
        const value = this.values[k] ?? NaN;
        if (!Number.isFinite(value)) continue;
        low = Math.min(low, value);
        high = Math.max(high, value);
        sum += value;
        count++;
      }
      out.steps.push(this.steps[stop - 1] ?? 0);
      out.low.push(count > 0 ? low : NaN);
      out.high.push(count > 0 ? high : NaN);
      out.mean.push(count > 0 ? sum / count : NaN);
    }
    return out;
  }

  /** Index of the first point whose step is at least `step`. */
  private indexOf(step: number): number {
    let low = 0;
    let high = this.steps.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.steps[middle] ?? 0) < step) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
