/* A request that the panel sends to a run, told from the click to its outcome. */
import type { RequestNote } from '../../protocol/runPanel';
import { awaitOutcome, sendControl, type ControlVerb } from '../../rundir/control';
import { formatDuration } from '../../present/numbers';
import type { RunSummary } from '../../rundir/runs';

/** Seconds after which silence is said to be one. A supervisor looks for requests several times a second. */
const PATIENCE = 15;
/** Seconds that an outcome stays on show. */
const SHOWN = 20;
const SLICE_MS = 1000;

const asked: Readonly<Record<'stop' | 'kill' | 'checkpoint', string>> = {
  stop: 'Stop asked: the trainer finishes its step, saves a checkpoint and ends.',
  kill: 'Force stop asked: the trainer ends at once. What it did since the last checkpoint is lost.',
  checkpoint: 'Checkpoint asked: it is saved after the step at work.',
};

export class RunRequest {
  private sent = Date.now() / 1000;
  private ended: { readonly note: RequestNote; readonly at: number } | undefined;
  private abandoned = false;

  constructor(private readonly dir: string, private readonly verb: 'stop' | 'kill' | 'checkpoint', private readonly changed: () => void) {}

  /** Sends it and waits for its outcome, however long the trainer takes, as long as somebody looks. */
  async run(): Promise<void> {
    try {
      const id = await sendControl(this.dir, this.verb satisfies ControlVerb, 'panel');
      this.sent = Date.now() / 1000;
      while (!this.abandoned) {
        const outcome = await awaitOutcome(this.dir, id, SLICE_MS);
        if (outcome) {
          this.end({ state: outcome.outcome === 'done' ? 'done' : 'refused', text: outcome.text === '' ? `${this.verb}: ${outcome.outcome}.` : outcome.text });
          return;
        }
        this.changed();
      }
    } catch (error) {
      this.end({ state: 'refused', text: `The request could not be written into the run's folder: ${error instanceof Error ? error.message : String(error)}` });
    }
  }

  abandon(): void {
    this.abandoned = true;
  }

  private end(note: RequestNote): void {
    this.ended = { note, at: Date.now() / 1000 };
    this.changed();
  }

  /** What to show now; null once the outcome has been on show long enough. */
  note(summary: RunSummary, now: number): RequestNote | null {
    if (this.ended) return now - this.ended.at < SHOWN || this.ended.note.state !== 'done' ? this.ended.note : null;
    const deadline = summary.status?.stopDeadline ?? null;
    if (deadline !== null && deadline > now) return { state: 'waiting', text: `${asked[this.verb]} Harsher means follow in ${formatDuration(Math.ceil(deadline - now))}.` };
    if (now - this.sent > PATIENCE && summary.state !== 'stopping' && this.verb !== 'checkpoint') {
      return { state: 'silent', text: `No supervisor has answered for ${formatDuration(now - this.sent)}: it may be gone. The request stays in the run's folder.` };
    }
    return { state: 'waiting', text: asked[this.verb] };
  }
}
