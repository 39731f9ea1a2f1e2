import type { Event } from '../contract/generated';
import { describeEvent } from '../present/events';
import { fit } from '../present/width';
import type { RunSummary } from '../rundir/runs';
import type { History } from '../telemetry/history';
import { LiveRegion } from './liveRegion';
import { progressLines } from './progress';
import { oneLine, type Terminal } from './terminal';

/** How a run that goes on is shown. */
export interface Screen {
  /** `asked`: the run was asked to stop. */
  show(summary: RunSummary, history: History, events: readonly Event[], asked: boolean): void;
  close(): void;
}

export function openScreen(terminal: Terminal, asJson: boolean): Screen {
  if (asJson) return new JsonScreen(terminal);
  return terminal.live ? new LiveScreen(terminal) : new PlainScreen(terminal);
}

/** Lines worth keeping on a screen that shows steps and progress anyway. */
const lasting: ReadonlySet<Event['kind']> = new Set<Event['kind']>(['evaluation', 'alert', 'message', 'resume']);

class LiveScreen implements Screen {
  private readonly region: LiveRegion;
  private frame = 0;

  constructor(private readonly terminal: Terminal) {
    this.region = new LiveRegion(terminal);
  }

  show(summary: RunSummary, history: History, events: readonly Event[], asked: boolean): void {
    const { paint, columns } = this.terminal;
    const above = events.filter(({ kind }) => lasting.has(kind)).map((event) => fit(`  ${colored(event, oneLine(describeEvent(event) ?? ''), paint)}`, columns - 1));
    const hint = asked
      ? 'Ctrl-C again returns to the shell at once; the run stops by itself.'
      : 'Ctrl-C stops after this step, with a checkpoint. Closing the terminal leaves it running.';
    const lines = progressLines(summary, history, columns, paint, this.frame++);
    this.region.draw(summary.active ? [...lines, `  ${asked ? paint.yellow(fit(hint, columns - 3)) : paint.dim(fit(hint, columns - 3))}`] : lines, above);
  }

  close(): void {
    this.region.close();
  }
}

function colored(event: Event, text: string, paint: Terminal['paint']): string {
  if ((event.kind === 'alert' || event.kind === 'message') && event.level !== 'info') return event.level === 'error' ? paint.red(text) : paint.yellow(text);
  return event.kind === 'evaluation' ? text.replace(/^[^:]*/, (who) => paint.bold(who)) : text;
}

/** For logs and pipes: a line per thing that happened; of steps one every few seconds, and each phase's last. */
class PlainScreen implements Screen {
  private lastStep = -Infinity;
  private lastProgress = '';

  constructor(private readonly terminal: Terminal) {}

  show(_summary: RunSummary, history: History, events: readonly Event[]): void {
    for (const event of events) {
      if (this.skip(event, history)) continue;
      // Where something begins is enough: its counts would be a line each.
      const text = event.kind === 'progress' ? event.what : describeEvent(event);
      if (text !== undefined) this.terminal.line(oneLine(text));
    }
  }

  close(): void {
    // Lines stay as they are.
  }

  private skip(event: Event, history: History): boolean {
    if (event.kind === 'samples' || event.kind === 'rollout') return true;
    if (event.kind === 'progress') {
      const same = event.what === this.lastProgress;
      this.lastProgress = event.what;
      return same;
    }
    if (event.kind !== 'step') return false;
    const ends = history.phases.some(({ firstStep, steps }) => event.step === firstStep + steps - 1);
    if (!ends && event.t - this.lastStep < 5) return true;
    this.lastStep = event.t;
    return false;
  }
}

class JsonScreen implements Screen {
  constructor(private readonly terminal: Terminal) {}

  show(_summary: RunSummary, _history: History, events: readonly Event[]): void {
    for (const event of events) this.terminal.jsonLine(event);
  }

  close(): void {
    // Lines stay as they are.
  }
}
