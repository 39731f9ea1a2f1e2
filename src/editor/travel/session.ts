import * as vscode from 'vscode';
import type { Sample } from '../../contract/generated';
import { showOnOneLine } from '../../present/text';
import { readTravelView, type TravelMessage, type TravelState, type TravelToHost, type TravelView } from '../../protocol/timeTravel';
import { isCheckpointName, RunDir } from '../../rundir/layout';
import { readMomentPieces } from '../../rundir/pairPieces';
import { readRun } from '../../rundir/runs';
import { sampledCheckpoints } from '../../rundir/samples';
import { travelOf } from '../../samples/travel';
import { Disposable } from '../disposable';
import { webviewPage } from '../panel/page';
import type { RunRegistry } from '../runs/registry';
import { readSides, reasonOf } from './sides';
import { buildTravel, type TravelFacts } from './state';

/** Milliseconds between looks for new samples while the page is in view. */
const TICK = 1000;
/** Characters of a prompt's name that a tab has room for. */
const LONGEST_TITLE = 40;

export interface TravelMemory {
  keep(view: TravelView): void;
}

/** One page over one prompt of a run. Follows the run while somebody looks. */
export class TravelSession extends Disposable {
  private readonly sides = new Map<string, readonly Sample[]>();
  private readonly pieces = new Map<Sample, readonly string[]>();
  /** What else was read of the run last: where its folder is gone, the page goes on with it. */
  private known: Pick<TravelFacts, 'run' | 'rows'> | undefined;
  /** What was there at the last reading; undefined when that failed, and is to be tried again. */
  private there: string | undefined;
  private readonly warned = new Set<string>();
  private timer: NodeJS.Timeout | undefined;
  private ready = false;
  private busy = false;
  private looking = false;
  /** Of the last time that somebody asked for another state of the page. */
  private turn = 0;

  constructor(
    readonly panel: vscode.WebviewPanel, private view: TravelView, extension: vscode.Uri, private readonly runs: RunRegistry,
    private readonly memory: TravelMemory, private readonly log: (text: string) => void,
  ) {
    super();
    this.register(panel.webview.onDidReceiveMessage((message: TravelToHost) => void this.receive(message)));
    this.register(panel.onDidChangeViewState(() => this.onVisibility()));
    panel.webview.html = webviewPage(panel.webview, extension, { name: 'timeTravel', title: 'Time travel', data: JSON.stringify(view), loading: 'Reading the samples…' });
    this.onVisibility();
  }

  /** Shows another prompt, or the same one at another moment. */
  async show(view: TravelView): Promise<void> {
    this.view = view;
    this.memory.keep(view);
    await this.post();
  }

  override dispose(): void {
    clearInterval(this.timer);
    this.timer = undefined;
    super.dispose();
  }

  private onVisibility(): void {
    const { visible } = this.panel;
    clearInterval(this.timer);
    // A hidden page has lost everything, and says when it is there again.
    if (!visible) this.ready = false;
    this.timer = visible ? setInterval(() => void this.look(), TICK) : undefined;
  }

  private async receive(message: TravelToHost): Promise<void> {
    try {
      switch (message.type) {
        case 'ready':
          this.ready = true;
          await this.post();
          return;
        case 'view': {
          const view = readTravelView(message.view);
          // The folder is the panel's own, whatever a page says.
          if (!view || view.dir !== this.view.dir) return;
          const other = view.promptId !== this.view.promptId || view.draw !== this.view.draw;
          this.view = view;
          this.memory.keep(view);
          if (other) await this.post();
          return;
        }
        case 'diff':
          if (!isCheckpointName(message.from) || !isCheckpointName(message.to)) return;
          await vscode.commands.executeCommand('minillm.compareSamples', {
            dir: this.view.dir, promptId: this.view.promptId, from: message.from, to: message.to,
          });
          return;
        case 'tokens':
          if (!isCheckpointName(message.checkpoint)) return;
          await vscode.commands.executeCommand('minillm.inspectTokens', {
            dir: this.view.dir, checkpoint: message.checkpoint, promptId: this.view.promptId, draw: this.view.draw,
          });
          return;
      }
    } catch (error) {
      this.warn(`Time travel, ${message.type}: ${String(error)}`);
    }
  }

  private async look(): Promise<void> {
    // A disk that does not answer is asked once: each call that reaches for it keeps one of the few threads for files.
    if (!this.ready || this.busy || this.looking) return;
    this.looking = true;
    try {
      // What cannot be read now is told once.
      const there = await whatIsThere(this.view.dir).catch(() => undefined);
      if (there !== this.there) await this.post();
    } finally {
      this.looking = false;
    }
  }

  private warn(text: string): void {
    if (this.warned.has(text)) return;
    this.warned.add(text);
    this.log(text);
  }

  /** What the page shows: what is known, and where nothing can be read, why. */
  private async read(): Promise<TravelState> {
    const { dir, promptId, draw } = this.view;
    const { sides, pieces } = this;
    const show = (active: boolean): TravelState => {
      const { run, rows } = this.known ?? { run: new RunDir(dir).id, rows: [] };
      return buildTravel({ run, active, rows, sides, pieces }, promptId, draw);
    };
    try {
      const there = await whatIsThere(dir);
      const unread = await readSides(dir, await sampledCheckpoints(dir), sides);
      const [summary, rows] = await Promise.all([readRun(dir), this.runs.checkpoints(dir)]);
      this.there = there;
      if (summary.gone) return { ...show(false), problem: summary.text };
      for (const reason of unread) this.warn(`Time travel: ${reason}`);
      this.known = { run: summary.name, rows };
      await readMomentPieces(dir, travelOf(sides, promptId, draw)?.moments ?? [], pieces);
      const state = show(summary.active);
      return state.problem !== null && unread[0] !== undefined ? { ...state, problem: unread[0] } : state;
    } catch (error) {
      this.there = undefined;
      this.warn(`Time travel: ${String(error)}`);
      return { ...show(false), problem: `The samples of this run cannot be read (${reasonOf(error)}): they are shown here as soon as they can.` };
    }
  }

  private async post(): Promise<void> {
    const turn = ++this.turn;
    if (!this.ready) return;
    this.busy = true;
    try {
      const state = await this.read();
      // Somebody has asked again meanwhile: that answer stays, though it may have come before this one.
      if (turn !== this.turn || this.disposed) return;
      this.panel.title = `Travel: ${showOnOneLine(state.label, LONGEST_TITLE)}`;
      await this.panel.webview.postMessage({ type: 'travel', state, view: this.view } satisfies TravelMessage);
    } finally {
      if (turn === this.turn) this.busy = false;
    }
  }
}

/** Changes when samples come, or when the folder goes or comes back. */
async function whatIsThere(dir: string): Promise<string> {
  const names = await sampledCheckpoints(dir);
  return names.length === 0 && (await readRun(dir)).gone ? 'nothing' : names.join('\n');
}
