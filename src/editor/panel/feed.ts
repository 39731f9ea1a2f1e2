/* What one page is told of a run and of those laid over its charts: a whole picture first, then what changed, no more than it draws. */
import type { RunState } from '../../contract/runState';
import { type Columns, isScore, lineKey, type PackedSeries, packSeries } from '../../protocol/columns';
import { buildResults, type Results } from '../../protocol/results';
import { type DeltaMessage, type Header, type Inventory, type Marks, type Overlay, type SnapshotMessage, unionOf, type ViewSettings, type Viewport } from '../../protocol/runPanel';
import { sideBySide } from '../../protocol/sideBySide';
import { discardedCheckpoints, keptCheckpoints } from '../../samples/branch';
import type { History } from '../../telemetry/history';
import type { Series } from '../../telemetry/series';
import { pointsWithin, smooth } from '../../telemetry/smooth';

/** Points of a discarded branch that are sent: it is faint background. */
const LARGEST_BRANCH = 2000;
const MOST_COLUMNS = 2000;

/** A run that is laid over the charts. */
export interface OverlaySource {
  readonly id: string;
  readonly name: string;
  readonly state: RunState;
  readonly problem: string | null;
  readonly differs: readonly string[];
  /** Steps by which its own are set off. */
  readonly offset: number;
  readonly history: History;
}

/** Parts of a message that are small and change as a whole. */
interface Parts {
  readonly header: Header;
  readonly marks: Marks;
  readonly results: Results;
  readonly inventory: Inventory;
  readonly overlays: readonly Overlay[];
}

const PARTS = ['header', 'marks', 'results', 'inventory', 'overlays'] as const;

export class RunFeed {
  /** From the clock, so that a host that came after a crash outranks the one before it. */
  private generation = Date.now();
  private seq = 0;
  private sent = new Map<string, Columns>();
  /** How the lines that were sent came about: of runs that have ended none is made again. */
  private made = new Map<string, Made>();
  private told: Record<(typeof PARTS)[number], string> = { header: '', marks: '', results: '', inventory: '', overlays: '' };
  private viewport: Viewport = { metrics: [], columns: 400, smoothing: 0, range: null };

  constructor(
    private readonly history: () => History,
    private readonly header: () => Header,
    private readonly overlays: () => readonly OverlaySource[] = () => [],
  ) {}

  look(viewport: Viewport): void {
    this.viewport = { ...viewport, columns: Math.max(16, Math.min(MOST_COLUMNS, Math.round(viewport.columns) || 16)) };
  }

  snapshot(settings: ViewSettings): SnapshotMessage {
    this.generation++;
    this.seq = 0;
    this.sent = new Map();
    const parts = this.parts();
    for (const name of PARTS) this.told[name] = JSON.stringify(parts[name]);
    return { type: 'snapshot', generation: this.generation, seq: 0, ...parts, settings, series: this.changes() };
  }

  /** What changed since the last message; undefined when nothing did. */
  delta(): DeltaMessage | undefined {
    const parts = this.parts();
    const changed: Partial<Parts> = {};
    for (const name of PARTS) {
      const text = JSON.stringify(parts[name]);
      if (text === this.told[name]) continue;
      this.told[name] = text;
      Object.assign(changed, { [name]: parts[name] });
    }
    const series = this.changes();
    if (Object.keys(changed).length === 0 && series.parts.length === 0 && series.dropped.length === 0) return undefined;
    return { type: 'delta', generation: this.generation, seq: ++this.seq, ...changed, series };
  }

  private changes(): PackedSeries {
    const wanted = new Map<string, Columns>();
    const made = new Map<string, Made>();
    const { viewport } = this;
    const overlays = this.overlays();
    const runs = [{ id: undefined, offset: 0, history: this.history() }, ...overlays];
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
        const columns = before !== undefined && isSame(before.from, from) ? before.columns : columnsOf(series, from, id === undefined);
        made.set(key, { from, columns });
        wanted.set(key, columns);
      }
    }
    this.made = made;
    const packed = packSeries(this.sent, wanted);
    this.sent = wanted;
    return packed;
  }

  private parts(): Parts {
    const history = this.history();
    const overlays = this.overlays();
    const metrics = new Set([history, ...overlays.map((overlay) => overlay.history)].flatMap(({ series }) => [...series.keys()]));
    const names = [...new Set(history.samples.map(({ checkpoint }) => checkpoint))];
    const [sampled, discarded] = [keptCheckpoints(names), discardedCheckpoints(names)];
    const header = this.header();
    const contenders = [{ ...header, differs: [], history }, ...overlays].map(({ id, name, differs, history: { evaluations, phases } }) => (
      { id, name, differs, evaluations, phases }));
    return {
      header,
      marks: {
        phases: phasesOf(history, 0),
        checkpoints: history.checkpoints.map(({ step, name }) => ({ step, name })),
        alerts: history.alerts.map(({ step, level, text }) => ({ step, level, text })),
        resumes: history.resumes.map(({ step }) => ({ step })),
      },
      results: { ...buildResults(history.evaluations, new Set(names), history.phases), runs: sideBySide(contenders) },
      inventory: { metrics: [...metrics].sort(), range: rangeOf(history, 0), sampled, discarded, teacherSampled: names.includes('teacher') },
      overlays: overlays.map(({ history: its, ...told }) => (
        { ...told, phases: phasesOf(its, told.offset), range: rangeOf(its, told.offset) })),
    };
  }
}

const NO_BRANCH: Columns['discarded'] = { steps: [], values: [], points: 0 };

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

function phasesOf({ phases }: History, offset: number): Marks['phases'] {
  return phases.map(({ index, firstStep, method }) => ({ index, step: firstStep + offset, method }));
}

/** From 0 on: what another run did before the page's own began stands left of the picture. */
function rangeOf(history: History, offset: number): [number, number] | null {
  let first = Infinity;
  let last = -Infinity;
  for (const { steps } of history.series.values()) {
    first = Math.min(first, steps[0] ?? Infinity);
    last = Math.max(last, steps.at(-1) ?? -Infinity);
  }
  return first <= last && last + offset >= 0 ? [Math.max(0, first + offset), last + offset] : null;
}
