/* A request that the panel sends to a run, told from the click to its outcome. */
import type { RequestId, RequestNote } from '../../protocol/runPanel';
import { awaitAnswer, sendControl } from '../../rundir/control';
import { formatDuration } from '../../present/numbers';
import type { RunSummary } from '../../rundir/runs';

/** Seconds after which silence is said to be one. A supervisor looks for requests several times a second. */
const PATIENCE = 15;
/** Seconds that an outcome stays on show. */
const SHOWN = 20;

const asked: Readonly<Record<RequestId, string>> = {
  stop: 'Stop asked: the trainer finishes its step, saves a checkpoint and ends.',
  kill: 'Force stop asked: the trainer ends at once. What it did since the last checkpoint is lost.',
  pause: 'Pause asked: the trainer finishes its step and waits.',
  continue: 'Continue asked.',
  checkpoint: 'Checkpoint asked: it is saved after the step at work.',
  evaluate: 'Evaluation asked: a checkpoint is saved and scored after the step at work.',
};

export class RunRequest {
  private sent = Date.now() / 1000;
  private ended: { readonly note: RequestNote; readonly at: number } | undefined;
  private readonly waiting = new AbortController();

  constructor(
    private readonly dir: string,
    private readonly verb: RequestId,
    /** Sees to it that somebody hears. */
    private readonly ensureSupervisor: (dir: string) => Promise<void>,
    private readonly changed: () => void,
  ) {}

  /** Sends it and waits for its outcome, however long the trainer takes, as long as somebody looks. */
  async run(): Promise<void> {
    try {
      await this.ensureSupervisor(this.dir);
      const id = await sendControl(this.dir, this.verb, 'panel');
      this.sent = Date.now() / 1000;
      const { signal } = this.waiting;
      const outcome = await awaitAnswer(this.dir, id, { signal, onLook: this.changed });
      if (outcome) {
        this.end({ state: outcome.outcome === 'done' ? 'done' : 'refused', text: outcome.text === '' ? `${this.verb}: ${outcome.outcome}.` : outcome.text });
      } else if (!signal.aborted) this.end({ state: 'refused', text: 'The run ended before it answered.' });
    } catch (error) {
      this.end({ state: 'refused', text: `The run could not be asked: ${error instanceof Error ? error.message : String(error)}` });
    }
  }

  abandon(): void {
    this.waiting.abort();
  }

  private end(note: RequestNote): void {
    this.ended = { note, at: Date.now() / 1000 };
    this.changed();
  }

  /** What to show now; null once the outcome has been on show long enough. */
  note(summary: RunSummary, now: number): RequestNote | null {
    if (this.ended) return now - this.ended.at < SHOWN || this.ended.note.state !== 'done' ? this.ended.note : null;
    if (now - this.sent > PATIENCE && summary.state !== 'stopping' && this.verb !== 'checkpoint' && this.verb !== 'evaluate') {
      return { state: 'silent', text: `No supervisor has answered for ${formatDuration(now - this.sent)}: it may be gone. The request stays in the run's folder.` };
    }
    return { state: 'waiting', text: asked[this.verb] };
  }
}
