/* What one page is told of a run and of those laid over its charts: a whole picture first, then what changed, no more than it draws. */
import type { RunState } from '../../contract/runState';
import { type Columns, type PackedSeries, packSeries } from '../../protocol/columns';
import { buildResults } from '../../protocol/results';
import type {
  DeltaMessage, Header, Inventory, Marks, Overlay, ShownResults, SnapshotMessage, ViewSettings, Viewport,
} from '../../protocol/runPanel';
import { sideBySide } from '../../protocol/sideBySide';
import { discardedCheckpoints, keptCheckpoints } from '../../samples/branch';
import type { History } from '../../telemetry/history';
import { LineMaker, type LineSource, rangeOf } from './lineMaker';

const MOST_COLUMNS = 2000;

/** A run that is laid over the charts. */
export interface OverlaySource extends LineSource {
  readonly id: string;
  readonly name: string;
  readonly state: RunState;
  readonly problem: string | null;
  readonly differs: readonly string[];
}

/** Parts of a message that are small and change as a whole. */
interface Parts {
  readonly header: Header;
  readonly marks: Marks;
  readonly results: ShownResults;
  readonly inventory: Inventory;
  readonly overlays: readonly Overlay[];
}

const PARTS = ['header', 'marks', 'results', 'inventory', 'overlays'] as const;

export class RunFeed {
  /** From the clock, so that a host that came after a crash outranks the one before it. */
  private generation = Date.now();
  private seq = 0;
  private sent = new Map<string, Columns>();
  private readonly maker = new LineMaker();
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
    const overlays = this.overlays();
    const parts = this.parts(overlays);
    for (const name of PARTS) this.told[name] = JSON.stringify(parts[name]);
    return { type: 'snapshot', generation: this.generation, seq: 0, ...parts, settings, series: this.changes(overlays) };
  }

  /** What changed since the last message; undefined when nothing did. */
  delta(): DeltaMessage | undefined {
    const overlays = this.overlays();
    const parts = this.parts(overlays);
    const changed: Partial<Parts> = {};
    for (const name of PARTS) {
      const text = JSON.stringify(parts[name]);
      if (text === this.told[name]) continue;
      this.told[name] = text;
      Object.assign(changed, { [name]: parts[name] });
    }
    const series = this.changes(overlays);
    if (Object.keys(changed).length === 0 && series.parts.length === 0 && series.dropped.length === 0) return undefined;
    return { type: 'delta', generation: this.generation, seq: ++this.seq, ...changed, series };
  }

  private changes(overlays: readonly OverlaySource[]): PackedSeries {
    const wanted = this.maker.lines([{ id: undefined, offset: 0, history: this.history() }, ...overlays], this.viewport);
    const packed = packSeries(this.sent, wanted);
    this.sent = wanted;
    return packed;
  }

  private parts(overlays: readonly OverlaySource[]): Parts {
    const history = this.history();
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

function phasesOf({ phases }: History, offset: number): Marks['phases'] {
  return phases.map(({ index, firstStep, method }) => ({ index, step: firstStep + offset, method }));
}
