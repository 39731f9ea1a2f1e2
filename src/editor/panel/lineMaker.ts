/* Lines of runs as a page draws them, each made anew only where there is something new. */
import { type Columns, isScore, lineKey } from '../../protocol/columns';
import { unionOf, type Viewport } from '../../protocol/runPanel';
import type { History } from '../../telemetry/history';
import type { Series } from '../../telemetry/series';
import { pointsWithin, smooth } from '../../telemetry/smooth';

/** Points of a discarded branch that are sent: it is faint background. */
const LARGEST_BRANCH = 2000;
const NO_BRANCH: Columns['discarded'] = { steps: [], values: [], points: 0 };

/** A run whose lines are wanted. */
export interface LineSource {
  /** Undefined for the run that the page is about. */
  readonly id: string | undefined;
  /** Steps by which its own are set off. */
  readonly offset: number;
  readonly history: History;
}

/** All that columns depend on. */
interface Origin {
  readonly history: History;
  readonly seq: number;
  readonly offset: number;
  readonly viewport: Viewport;
  /** Points that count as one when lines are smoothed. */
  readonly unit: number;
}

interface Made {
  readonly from: Origin;
  readonly columns: Columns;
}

export class LineMaker {
  /** By the keys of lines: of runs that have ended none is made again. */
  private made = new Map<string, Made>();

  /** The lines that a viewport shows of these runs, by their keys. */
  lines(runs: readonly LineSource[], viewport: Viewport): Map<string, Columns> {
    const made = new Map<string, Made>();
    const whole = unionOf(runs.map(({ history, offset }) => rangeOf(history, offset))) ?? [0, 0];
    const [first, last] = viewport.range ?? whole;
    for (const { id, offset, history } of runs) {
      for (const metric of new Set(viewport.metrics)) {
        const series = history.series.get(metric);
        if (!series) continue;
        const key = lineKey(metric, id);
        const unit = pointsWithin(series, (last - first) / viewport.columns);
        const from: Origin = { history, seq: history.lastSeq, offset, viewport, unit };
        const before = this.made.get(key);
        // Of another run what became of it counts, not what it went back behind.
        const stays = before !== undefined && isSame(before.from, from);
        made.set(key, stays ? before : { from, columns: columnsOf(series, from, id === undefined) });
      }
    }
    this.made = made;
    return new Map([...made].map(([key, { columns }]) => [key, columns]));
  }
}

function isSame(a: Origin, b: Origin): boolean {
  return a.history === b.history && a.seq === b.seq && a.offset === b.offset && a.viewport === b.viewport && a.unit === b.unit;
}

function columnsOf(series: Series, { offset, viewport, unit }: Origin, branch: boolean): Columns {
  const { name: metric } = series;
  const { columns, smoothing } = viewport;
  const range = viewport.range && ([viewport.range[0] - offset, viewport.range[1] - offset] as const);
  // A little beyond the edges, so that lines leave the picture; scores are few, and their lines reach far.
  const margin = range === null ? 0 : Math.ceil(0.05 * (range[1] - range[0])) + 4;
  const [from, to] = range === null || isScore(metric) ? [-Infinity, Infinity] : [range[0] - margin, range[1] + margin];
  const { steps, low, high, mean, notPositive, bad, aggregated } = series.thin(columns, from, to);
  const smoothed = smoothing > 0 && !isScore(metric) ? smooth(series, series.cut(columns, from, to), smoothing, unit) : mean;
  return setOff({
    metric, steps, low, high, mean, smooth: smoothed, notPositive, bad, aggregated, points: series.steps.length,
    last: series.last ?? NaN, spans: series.spans(),
    discarded: branch ? { ...series.branch(LARGEST_BRANCH), points: series.discarded.length } : NO_BRANCH,
  }, offset);
}

function setOff(columns: Columns, offset: number): Columns {
  if (offset === 0) return columns;
  const spans = columns.spans.map(({ phase, from, to }) => ({ phase, from: from + offset, to: to + offset }));
  return { ...columns, steps: Array.from(columns.steps, (step) => step + offset), spans };
}

/** From 0 on: what another run did before the page's own began stands left of the picture. */
export function rangeOf(history: History, offset: number): [number, number] | null {
  let first = Infinity;
  let last = -Infinity;
  for (const { steps } of history.series.values()) {
    first = Math.min(first, steps[0] ?? Infinity);
    last = Math.max(last, steps.at(-1) ?? -Infinity);
  }
  return first <= last && last + offset >= 0 ? [Math.max(0, first + offset), last + offset] : null;
}
