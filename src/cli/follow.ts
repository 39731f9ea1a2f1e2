import { setTimeout as sleep } from 'node:timers/promises';
import type { Event } from '../contract/generated';
import { isKnown, parseEvent } from '../contract/parse';
import { RunDir } from '../rundir/layout';
import { readRun, type RunSummary } from '../rundir/runs';
import { Tail } from '../rundir/tail';
import { History } from '../telemetry/history';

export interface News {
  readonly summary: RunSummary;
  readonly history: History;
  /** New since the last time, in order, each once. */
  readonly events: readonly Event[];
  /** This is what there was before anybody watched. */
  readonly first: boolean;
}

export interface FollowOptions {
  readonly signal?: AbortSignal;
  readonly once?: boolean;
}

const INTERVAL = 200;

/**
 * What happens in a run, as it happens: first all that was, then every change, until the run has ended and everything is
 * read, or `signal` aborts. With `once` it ends after all that was.
 */
export async function* followRun(dir: string, options: FollowOptions = {}): AsyncGenerator<News> {
  const tail = new Tail(new RunDir(dir).events);
  const history = new History();
  for (let first = true; options.signal?.aborted !== true; first = false) {
    // The state before the events: once it says "ended", everything that the trainer wrote is there to be read.
    const summary = await readRun(dir);
    const events: Event[] = [];
    for (let more = true; more; ) {
      const news = await tail.read();
      for (const line of news.lines) {
        const parsed = parseEvent(line);
        if (!parsed.ok) history.leaveOut(parsed.reason);
        else if (history.append(parsed.value) && isKnown(parsed.value)) events.push(parsed.value);
      }
      for (let n = 0; n < news.skipped; n++) history.leaveOut('a line of more than 8 MB');
      ({ more } = news);
    }
    yield { summary, history, events, first };
    const ended = !summary.active && summary.state !== 'unknown';
    if (ended || options.once === true) return;
    await sleep(INTERVAL, undefined, options.signal ? { signal: options.signal } : {}).catch(() => undefined);
  }
}
