import type { History } from '../telemetry/history';
import { type EventNews, EventStream } from './eventStream';
import { readRun, type RunSummary } from './runs';

export interface RunChange extends EventNews {
  readonly summary: RunSummary;
  readonly history: History;
}

type Listener = (change: RunChange) => void;

type InTurn = (read: () => Promise<void>) => Promise<void>;

/** Follows one run folder: polls, because file watchers miss events on remote and network file systems. */
export class RunFollower {
  summary: RunSummary | undefined;

  private readonly events: EventStream;
  private readonly listeners = new Set<Listener>();
  private timer: NodeJS.Timeout | undefined;
  private reading: Promise<RunSummary> | undefined;
  private disposed = false;

  /** `inTurn`: waits for its turn to read, where there are others to read. */
  constructor(readonly dir: string, private interval = 500, private readonly inTurn: InTurn = (read) => read()) {
    this.events = new EventStream(dir);
  }

  get history(): History {
    return this.events.history;
  }

  onDidChange(listener: Listener): { dispose(): void } {
    this.listeners.add(listener);
    return { dispose: () => this.listeners.delete(listener) };
  }

  /** Begins to poll. Ends by itself once the run has ended and everything is read; `refresh` still works then. */
  start(): void {
    if (this.timer !== undefined || this.disposed) return;
    const poll = async (): Promise<void> => {
      try {
        await this.inTurn(async () => {
          if (!this.disposed) await this.refresh();
        });
      } catch {
        // The folder may be out of reach for a moment; the next poll tells.
      }
      // A run on another machine is not active as far as can be told from here, but its files may well grow.
      const done = this.summary !== undefined && !this.summary.active && this.summary.state !== 'unknown';
      if (!this.disposed && !done) this.timer = setTimeout(() => void poll(), this.interval);
      else this.timer = undefined;
    };
    this.timer = setTimeout(() => void poll(), 0);
  }

  /** Milliseconds between polls: short while someone looks, longer otherwise. */
  setInterval(milliseconds: number): void {
    this.interval = milliseconds;
  }

  /** Reads whatever is new, now, and says how the run is. Calls at the same time share one reading. */
  refresh(): Promise<RunSummary> {
    this.reading ??= this.readNews().finally(() => (this.reading = undefined));
    return this.reading;
  }

  dispose(): void {
    this.disposed = true;
    this.events.stop();
    clearTimeout(this.timer);
    this.timer = undefined;
    this.listeners.clear();
  }

  private async readNews(): Promise<RunSummary> {
    // The state first: once it says "ended", everything that the trainer wrote is there to be read.
    const before = this.summary;
    const summary = withoutFolder(await readRun(this.dir), before);
    const { grew, restarted } = await this.events.read();
    this.summary = summary;
    const changed = before === undefined || before.state !== summary.state || before.text !== summary.text
      || before.status?.heartbeat !== summary.status?.heartbeat;
    if (grew || restarted || changed) {
      for (const listener of [...this.listeners]) listener({ summary, history: this.history, restarted, grew });
    }
    return summary;
  }
}

/** Of a run whose folder is gone, the records stay known. */
function withoutFolder(now: RunSummary, before: RunSummary | undefined): RunSummary {
  if (!now.gone || before === undefined) return now;
  const { name, created, run, status, exit } = before;
  return { ...now, name, created, run, status, exit };
}

/** A run as it is now, and all that its events say. */
export async function readHistory(dir: string): Promise<{ readonly summary: RunSummary; readonly history: History }> {
  const follower = new RunFollower(dir);
  const summary = await follower.refresh();
  follower.dispose();
  return { summary, history: follower.history };
}
