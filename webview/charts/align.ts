/* Columns of several metrics on one common axis of steps, as uPlot wants them. */
import type { Columns } from '../../src/protocol/columns';

/** A number, a gap (null), or nothing of this series at this step (undefined: the line goes on). */
export type Cell = number | null | undefined;

/** What is drawn of one line: the band's edges, the line as measured, the smoothed line, and the discarded branch. */
export const FIELDS = ['low', 'high', 'mean', 'smooth', 'discarded'] as const;

export type Aligned = [steps: number[], ...rows: Cell[][]];

/** Stands, on a logarithmic axis, for the lowest of a column with others above 0: below whatever the axis shows. */
export const BELOW = Number.MIN_VALUE;

interface Source {
  readonly steps: ArrayLike<number>;
  readonly values: ArrayLike<number> | undefined;
}

function unionOf(sources: readonly Source[]): number[] {
  const [first] = sources;
  const alike = first !== undefined && sources.every(({ steps }) => steps.length === first.steps.length && steps[0] === first.steps[0]
    && steps[steps.length - 1] === first.steps[first.steps.length - 1]);
  if (alike) {
    const all = Array.from(first.steps);
    if (sources.every(({ steps }) => all.every((step, i) => steps[i] === step))) return all;
  }
  const union = new Set<number>();
  for (const { steps } of sources) for (let i = 0; i < steps.length; i++) union.add(steps[i] ?? 0);
  return [...union].sort((a, b) => a - b);
}

/**
 * One row of cells per line and field, in that order. A value that is not finite is a gap. With `log`, so is one that
 * is not positive; but a column keeps its highest, whatever its lowest is. Without `branches`, discarded attempts are left
 * out.
 */
export function align(metrics: readonly (Columns | undefined)[], log: boolean, branches: boolean): Aligned {
  const sources: Source[] = metrics.flatMap((columns) => FIELDS.map((field): Source => {
    if (columns === undefined) return { steps: [], values: undefined };
    if (field === 'discarded') return branches ? columns.discarded : { steps: [], values: undefined };
    if ((field === 'low' || field === 'high') && columns.aggregated === 1) return { steps: columns.steps, values: undefined };
    return { steps: columns.steps, values: columns[field] };
  }));
  const steps = unionOf(sources.filter((source) => source.steps.length > 0));
  // Rows without a cell are most of them where several runs are drawn: one stands for all.
  const nothing = new Array<Cell>(steps.length).fill(undefined);
  const rows = sources.map(({ steps: own, values }, index) => {
    if (values === undefined || own.length === 0) return nothing;
    const row = new Array<Cell>(steps.length).fill(undefined);
    const field = FIELDS[index % FIELDS.length];
    // A discarded branch may go back and forth over steps: the last value of a step stands.
    const scattered = field === 'discarded';
    const places = scattered ? new Map(steps.map((step, i) => [step, i])) : undefined;
    let at = 0;
    for (let i = 0; i < own.length; i++) {
      if (places) at = places.get(own[i] ?? 0) ?? 0;
      else while (at < steps.length && (steps[at] ?? 0) < (own[i] ?? 0)) at++;
      const value = values[i] ?? NaN;
      const below = field === 'low' && (metrics[Math.floor(index / FIELDS.length)]?.high[i] ?? 0) > 0 ? BELOW : null;
      const shown = log && value <= 0 ? below : value;
      row[at] = Number.isFinite(value) ? shown : null;
    }
    return row;
  });
  return [steps, ...rows];
}

/** Index of the column that covers `step`: the last one not after it; -1 before the first. */
export function columnAt(steps: ArrayLike<number>, step: number): number {
  let low = 0;
  let high = steps.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((steps[middle] ?? 0) <= step) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
