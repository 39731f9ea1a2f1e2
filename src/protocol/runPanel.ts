/* Messages between the extension host and the run panel's page, and how the page folds what it receives. */
import type { PhasePlan } from '../contract/generated';
import type { RunState } from '../contract/runState';
import type { Change } from '../samples/change';
import type { Pieces } from '../samples/diff';
import type { Listed, ListOrder } from '../samples/list';
import { applySeries, type Columns, type PackedSeries } from './columns';
import type { Results, ResultTable } from './results';

/** What the run itself is asked for. */
export type RequestId = 'stop' | 'kill' | 'pause' | 'continue' | 'checkpoint' | 'evaluate';

export type ActionId = RequestId | 'resume' | 'fork' | 'alerts' | 'compare' | 'log' | 'config' | 'folder';

export interface Action {
  readonly id: ActionId;
  readonly label: string;
  /** Why it cannot be done now; null when it can. */
  readonly reason: string | null;
}

/** A control request from this panel, until its outcome has been read. */
export interface RequestNote {
  readonly state: 'waiting' | 'done' | 'refused' | 'silent';
  readonly text: string;
}

export interface Notice {
  readonly level: 'info' | 'warning' | 'error';
  readonly text: string;
  /** There are responses that show it. */
  readonly responses?: boolean;
}

/** What keeps the trainer busy besides training. */
export interface Activity {
  readonly what: string;
  /** "312 of 548 MB"; empty when nothing is counted. */
  readonly amount: string;
  /** From 0 to 1; null when the end is not known. */
  readonly share: number | null;
}

export interface Fact {
  readonly label: string;
  readonly value: string;
  /** More of it, on hover. */
  readonly detail: string;
}

export interface Header {
  readonly id: string;
  readonly name: string;
  readonly state: RunState;
  readonly text: string;
  /** Writing still, or about to. */
  readonly active: boolean;
  readonly step: number;
  readonly total: number;
  readonly phases: readonly PhasePlan[];
  readonly timeLeft: string | null;
  /** Time since the start, or the whole time once ended. */
  readonly elapsed: string | null;
  readonly activity: Activity | null;
  /** The last cause of a failure, as the trainer told it. */
  readonly cause: string | null;
  readonly facts: readonly Fact[];
  readonly actions: readonly Action[];
  readonly request: RequestNote | null;
  readonly notices: readonly Notice[];
  /** Events read so far. */
  readonly events: number;
}

/** What charts mark along the steps. */
export interface Marks {
  readonly phases: readonly { readonly index: number; readonly step: number; readonly method: string }[];
  readonly checkpoints: readonly { readonly step: number; readonly name: string }[];
  readonly alerts: readonly { readonly step: number; readonly level: Notice['level']; readonly text: string }[];
  readonly resumes: readonly { readonly step: number }[];
}

/** Another run whose lines are laid over the charts. */
export interface Overlay {
  readonly id: string;
  readonly name: string;
  readonly state: RunState;
  /** Its own steps are set off by this many, and so are all steps here: a fork begins where it left the other run. */
  readonly offset: number;
  readonly phases: Marks['phases'];
  /** Lowest and highest step with a point, from the page's own beginning on. */
  readonly range: readonly [number, number] | null;
  /** What is wrong with its folder, in one sentence; null when all is well. */
  readonly problem: string | null;
  /** What keeps its scores from being compared, in a few words each. */
  readonly differs: readonly string[];
}

/** A run's results, and how it stands beside others. */
export interface ShownResults extends Results {
  /** The newest students of this run and of those that are laid over its charts, in that order; null without others. */
  readonly runs: ResultTable | null;
}

/** The lowest and highest step of several runs. */
export function unionOf(ranges: readonly (readonly [number, number] | null)[]): readonly [number, number] | null {
  const known = ranges.filter((range) => range !== null);
  return known.length === 0 ? null : [Math.min(...known.map(([first]) => first)), Math.max(...known.map(([, last]) => last))];
}

/** The steps of all runs that are shown; null before the first. */
export function wholeOf({ inventory, overlays }: Pick<PageState, 'inventory' | 'overlays'>): readonly [number, number] | null {
  return unionOf([inventory.range, ...overlays.map(({ range }) => range)]);
}

/** Runs that charts hold besides their own: one more, and colours would repeat. */
export const MOST_OVERLAYS = 5;

/** What exists to be shown, whether or not it is in view. */
export interface Inventory {
  /** Metrics that have points, in this run or one that is laid over it. */
  readonly metrics: readonly string[];
  /** Lowest and highest step with a point, of this run alone. */
  readonly range: readonly [number, number] | null;
  /** Checkpoints with samples that led to the newest, oldest first. */
  readonly sampled: readonly string[];
  /** Those that a resumed attempt went back behind. */
  readonly discarded: readonly string[];
  readonly teacherSampled: boolean;
}

/** How this run is looked at: kept by the host, because a page's own state is flushed late. */
export interface ViewSettings {
  /** 0 shows what was measured; nearer to 1 is smoother. */
  readonly smoothing: number;
  readonly zoom: readonly [number, number] | null;
  /** Charts with a logarithmic axis. */
  readonly log: readonly string[];
  /** Charts shown as a table. */
  readonly tables: readonly string[];
  /** Metrics that are switched off. */
  readonly hidden: readonly string[];
  /** Whether charts draw what a resumed attempt went back behind. */
  readonly branches: boolean;
  /** Groups of charts that are folded away. */
  readonly folded: readonly string[];
  /** Checkpoint whose samples are shown; null follows the newest. */
  readonly checkpoint: string | null;
  /** Checkpoint that they are compared with. */
  readonly against: string | null;
  /** What must have become of a prompt for it to be listed; null lists all. */
  readonly sampleFilter: Change | null;
  /** What a prompt or its answers must hold; empty lists all. */
  readonly sampleSearch: string;
  readonly sampleOrder: ListOrder;
  /** Checkpoints that are ticked in the results, at most two. */
  readonly ticked: readonly string[];
}

export const DEFAULT_SETTINGS: ViewSettings = {
  smoothing: 0.6, zoom: null, log: [], tables: [], hidden: [], branches: true, folded: [], checkpoint: null, against: null,
  sampleFilter: null, sampleSearch: '', sampleOrder: 'prompt', ticked: [],
};

/** What the page has room for: the host sends these metrics, this range, this many columns. */
export interface Viewport {
  readonly metrics: readonly string[];
  readonly columns: number;
  readonly smoothing: number;
  readonly range: readonly [number, number] | null;
}

/** One response, cut to what a panel shows; control characters are made visible already. */
export interface ShownSample {
  readonly text: string;
  /** Equals a reference; null when that was not scored. */
  readonly exact: boolean | null;
  /** What tells most, in a few words. */
  readonly brief: string;
  /** All scores and the length. */
  readonly detail: string;
}

/** Draws that came out alike. */
export interface ShownDraw {
  readonly draws: readonly number[];
  readonly newer: ShownSample | null;
  readonly older: ShownSample | null;
  /** What became of them, when they are compared. */
  readonly change: Change | null;
  /** The tokens of both texts, where words are no unit to compare. */
  readonly pieces?: Pieces;
}

/** `changes` is empty, and `difference` 0, when nothing is compared. */
export interface ShownPrompt extends Listed {
  readonly id: string;
  readonly prompt: string;
  readonly references: readonly string[];
  readonly teacher: string | null;
  readonly draws: readonly ShownDraw[];
}

export type PromptLook = 'diff' | 'travel' | 'tokens';

export interface SamplesMessage {
  readonly type: 'samples';
  /** The checkpoints shown, as the request named them. */
  readonly checkpoint: string;
  readonly against: string | null;
  readonly prompts: readonly ShownPrompt[];
  /** How many draws improved, regressed, changed, or stayed the same; null when nothing is compared. */
  readonly counts: Readonly<Record<Change, number>> | null;
  /** Prompts that are left out for their number. */
  readonly leftOut: number;
  /** Why nothing can be shown, in one sentence. */
  readonly problem: string | null;
}

interface FeedBase {
  /** Counts the host's complete pictures: a message of another generation says nothing about this one. */
  readonly generation: number;
  /** Counts messages within a generation, from 0, the snapshot. */
  readonly seq: number;
  readonly series: PackedSeries;
}

export interface SnapshotMessage extends FeedBase {
  readonly type: 'snapshot';
  readonly header: Header;
  readonly marks: Marks;
  readonly results: ShownResults;
  readonly inventory: Inventory;
  readonly overlays: readonly Overlay[];
  readonly settings: ViewSettings;
}

export interface DeltaMessage extends FeedBase {
  readonly type: 'delta';
  readonly header?: Header;
  readonly marks?: Marks;
  readonly results?: ShownResults;
  readonly inventory?: Inventory;
  readonly overlays?: readonly Overlay[];
}

/** Nothing can be shown, and why: one sentence. A picture follows when there is one after all. */
export interface ProblemMessage {
  readonly type: 'problem';
  readonly text: string;
}

export type ToPage = SnapshotMessage | DeltaMessage | SamplesMessage | ProblemMessage;

export type ToHost =
  /** The page listens. A new `client` is a new page: nothing that an older one had is there. */
  | { readonly type: 'ready'; readonly client: string }
  | { readonly type: 'resync' }
  | { readonly type: 'view'; readonly viewport: Viewport }
  | { readonly type: 'settings'; readonly settings: ViewSettings }
  | { readonly type: 'samples'; readonly checkpoint: string; readonly against: string | null }
  /** Which runs are laid over the charts: the host asks, or takes one away by its id. */
  | { readonly type: 'overlays'; readonly without?: string }
  /** A look at one prompt: the diff of two sides, its way through the checkpoints, its tokens. */
  | { readonly type: 'prompt'; readonly look: PromptLook; readonly promptId: string; readonly checkpoint: string; readonly against: string | null }
  | { readonly type: 'action'; readonly action: ActionId; readonly from?: string; readonly to?: string };

/** Everything that the page knows of its run. */
export interface PageState {
  readonly generation: number;
  readonly seq: number;
  readonly header: Header;
  readonly marks: Marks;
  readonly results: ShownResults;
  readonly inventory: Inventory;
  readonly overlays: readonly Overlay[];
  /** By the keys of lines. */
  readonly series: ReadonlyMap<string, Columns>;
}

export type Folded =
  | { readonly kind: 'state'; readonly state: PageState }
  /** Of an older generation: already told otherwise. */
  | { readonly kind: 'ignored' }
  /** Something is missing in between: ask for a whole picture. */
  | { readonly kind: 'resync' };

const NO_SERIES: ReadonlyMap<string, Columns> = new Map();

export function foldFeed(state: PageState | undefined, message: SnapshotMessage | DeltaMessage): Folded {
  const { generation, seq } = message;
  if (message.type === 'snapshot') {
    if (state !== undefined && generation < state.generation) return { kind: 'ignored' };
    const { header, marks, results, inventory, overlays } = message;
    return { kind: 'state', state: { generation, seq, header, marks, results, inventory, overlays, series: applySeries(NO_SERIES, message.series) } };
  }
  if (state === undefined || generation > state.generation) return { kind: 'resync' };
  if (generation < state.generation || seq <= state.seq) return { kind: 'ignored' };
  if (seq !== state.seq + 1) return { kind: 'resync' };
  return {
    kind: 'state',
    state: {
      generation,
      seq,
      header: message.header ?? state.header,
      marks: message.marks ?? state.marks,
      results: message.results ?? state.results,
      inventory: message.inventory ?? state.inventory,
      overlays: message.overlays ?? state.overlays,
      series: message.series.parts.length + message.series.dropped.length > 0 ? applySeries(state.series, message.series) : state.series,
    },
  };
}
