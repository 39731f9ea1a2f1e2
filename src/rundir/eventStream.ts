import { setImmediate as breathe } from 'node:timers/promises';
import { History } from '../telemetry/history';
import { RunDir } from './layout';
import { Tail } from './tail';

export interface EventNews {
  /** The history was read anew from the start: what was shown before is void. */
  readonly restarted: boolean;
  /** New lines came. */
  readonly grew: boolean;
}

/**
 * The history of a run, from its events as they come. Reads in slices and yields between them, so that a long one does not
 * block its process.
 */
export class EventStream {
  history = new History();

  private readonly tail: Tail;
  private reading: Promise<EventNews> | undefined;
  private stopped = false;

  /** `choose`: the lines that are worth taking in, of those that are new. */
  constructor(dir: string, private readonly choose = (lines: readonly string[]): readonly string[] => lines) {
    this.tail = new Tail(new RunDir(dir).events);
  }

  /** Reads whatever is new. Calls at the same time share one reading. */
  read(): Promise<EventNews> {
    this.reading ??= this.readNews().finally(() => (this.reading = undefined));
    return this.reading;
  }

  /** What is being read ends with its slice. */
  stop(): void {
    this.stopped = true;
  }

  private async readNews(): Promise<EventNews> {
    let grew = false;
    let restarted = false;
    for (;;) {
      const news = await this.tail.read();
      if (news.restarted) {
        this.history = new History();
        restarted = true;
      }
      for (const line of this.choose(news.lines)) grew = this.history.appendLine(line) || grew;
      for (let n = 0; n < news.skipped; n++) this.history.leaveOut('a line of more than 8 MB');
      if (!news.more || this.stopped) return { restarted, grew };
      await breathe();
    }
  }
}
