/* Messages between the extension host and the time travel page: one prompt over all checkpoints. */

/** What the student answered at one checkpoint. Texts are cut to what a page shows; control characters are made visible already. */
export interface TravelMoment {
  readonly checkpoint: string;
  /** "step 400". */
  readonly label: string;
  readonly step: number;
  /** Method of the phase that it came from; empty when that is not known. */
  readonly phase: string;
  readonly text: string;
  /** Its tokens, where it is compared with a neighbour to which words are no unit. */
  readonly pieces?: readonly string[];
  /** "exact", "Rouge-L 82 %, cut off". */
  readonly word: string;
  readonly right: boolean;
  /** From 0 to 1, what the sparkline shows; null when nothing was scored. */
  readonly score: number | null;
  /** Nats per token. */
  readonly kl: number | null;
  /** Nats over all tokens. */
  readonly klSequence: number | null;
  /** Tokens. */
  readonly length: number;
}

export interface TravelPrompt {
  readonly id: string;
  readonly label: string;
}

/** Everything that the page shows; it is small, and is sent whole. */
export interface TravelState {
  readonly run: string;
  readonly promptId: string;
  /** What it is called: its id, where that is a name. */
  readonly label: string;
  readonly prompt: string;
  readonly prompts: readonly TravelPrompt[];
  readonly draw: number;
  readonly draws: readonly number[];
  readonly references: readonly string[];
  readonly teacher: string | null;
  readonly moments: readonly TravelMoment[];
  /** Places in `moments`; null where there is none. */
  readonly firstChanged: number | null;
  readonly firstRight: number | null;
  readonly settled: number | null;
  /** Checkpoints of a discarded branch, which are left out. */
  readonly discarded: number;
  /** What the score is, for the sparkline's name. */
  readonly scoreName: string;
  /** Still writing. */
  readonly active: boolean;
  /** Why nothing can be read any more, or nothing at all, in one sentence. */
  readonly problem: string | null;
}

/** How the page is looked at: kept by the host and, for the serializer, by the page. */
export interface TravelView {
  readonly dir: string;
  readonly promptId: string;
  readonly draw: number;
  /** Checkpoint that is shown; null follows the newest. */
  readonly checkpoint: string | null;
  /** At most two checkpoints, to be set side by side. */
  readonly pins: readonly string[];
}

export interface TravelMessage {
  readonly type: 'travel';
  readonly state: TravelState;
  readonly view: TravelView;
}

export type TravelToHost =
  | { readonly type: 'ready' }
  | { readonly type: 'view'; readonly view: TravelView }
  | { readonly type: 'diff'; readonly from: string; readonly to: string }
  | { readonly type: 'tokens'; readonly checkpoint: string };

/** Reads a view that was kept or sent; undefined when it is none. The folder is for the caller to check. */
export function readTravelView(value: unknown): TravelView | undefined {
  const { dir, promptId, draw, checkpoint, pins } = (value ?? {}) as Readonly<Record<string, unknown>>;
  if (typeof dir !== 'string' || typeof promptId !== 'string') return undefined;
  return {
    dir,
    promptId,
    draw: typeof draw === 'number' && Number.isSafeInteger(draw) && draw >= 0 ? draw : 0,
    checkpoint: typeof checkpoint === 'string' ? checkpoint : null,
    pins: Array.isArray(pins) ? pins.filter((pin) => typeof pin === 'string').slice(-2) : [],
  };
}
