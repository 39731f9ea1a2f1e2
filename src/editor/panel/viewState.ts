/* How runs are looked at and which panels are open: kept with the workspace, because a page's own state is flushed late. */
import path from 'node:path';
import type * as vscode from 'vscode';
import { changes } from '../../samples/change';
import { listOrders } from '../../samples/list';
import { isRunId } from '../../rundir/layout';
import { DEFAULT_SETTINGS, type ViewSettings } from '../../protocol/runPanel';

const SETTINGS = 'minillm.panel.settings';
const OVERLAYS = 'minillm.panel.overlays';
const OPEN = 'minillm.panel.open';
/** Runs of which it is remembered how they were looked at. */
const REMEMBERED = 40;

interface OpenPanel {
  readonly dir: string;
  readonly title: string;
}

const isTexts = (value: unknown): value is string[] => Array.isArray(value) && value.every((entry) => typeof entry === 'string');
const isRange = (value: unknown): value is [number, number] =>
  Array.isArray(value) && value.length === 2 && value.every((entry) => Number.isFinite(entry));
const textOrNull = (value: unknown): string | null => (typeof value === 'string' ? value : null);

/** Takes from a stored or sent record what is as it should be, and the default for the rest. */
export function readSettings(value: unknown): ViewSettings {
  const from = (value ?? {}) as Partial<Record<keyof ViewSettings, unknown>>;
  const { smoothing } = from;
  return {
    smoothing: typeof smoothing === 'number' && smoothing >= 0 && smoothing < 1 ? smoothing : DEFAULT_SETTINGS.smoothing,
    zoom: isRange(from.zoom) ? from.zoom : null,
    log: isTexts(from.log) ? from.log : [],
    tables: isTexts(from.tables) ? from.tables : [],
    hidden: isTexts(from.hidden) ? from.hidden : [],
    branches: typeof from.branches === 'boolean' ? from.branches : DEFAULT_SETTINGS.branches,
    folded: isTexts(from.folded) ? from.folded : [],
    checkpoint: textOrNull(from.checkpoint),
    against: textOrNull(from.against),
    sampleSearch: textOrNull(from.sampleSearch) ?? '',
    ticked: isTexts(from.ticked) ? from.ticked.slice(-2) : [],
    sampleFilter: changes.find((change) => change === from.sampleFilter) ?? null,
    sampleOrder: listOrders.find((order) => order === from.sampleOrder) ?? DEFAULT_SETTINGS.sampleOrder,
  };
}

export class ViewState {
  constructor(private readonly memento: vscode.Memento) {}

  settings(id: string): ViewSettings {
    return readSettings(this.memento.get<Record<string, unknown>>(SETTINGS, {})[id]);
  }

  keepSettings(id: string, settings: ViewSettings): Thenable<void> {
    return this.keep(SETTINGS, id, settings);
  }

  /** Folders of the runs that are laid over a run's charts. Folders come and go: they are no more than well formed. */
  overlays(id: string): readonly string[] {
    const kept = this.memento.get<Record<string, unknown>>(OVERLAYS, {})[id];
    return isTexts(kept) ? kept.filter((dir) => path.isAbsolute(dir) && isRunId(path.basename(dir))) : [];
  }

  keepOverlays(id: string, dirs: readonly string[]): Thenable<void> {
    return this.keep(OVERLAYS, id, dirs);
  }

  private keep(where: string, id: string, value: unknown): Thenable<void> {
    const others = Object.entries(this.memento.get<Record<string, unknown>>(where, {})).filter(([other]) => other !== id);
    // The one that was changed last stands last; the first is forgotten first.
    return this.memento.update(where, { ...Object.fromEntries(others.slice(1 - REMEMBERED)), [id]: value });
  }

  get openPanels(): readonly OpenPanel[] {
    return this.memento.get<OpenPanel[]>(OPEN, []);
  }

  opened(dir: string, title: string): Thenable<void> {
    return this.memento.update(OPEN, [...this.openPanels.filter((panel) => panel.dir !== dir), { dir, title }]);
  }

  closed(dir: string): Thenable<void> {
    return this.memento.update(OPEN, this.openPanels.filter((panel) => panel.dir !== dir));
  }
}
