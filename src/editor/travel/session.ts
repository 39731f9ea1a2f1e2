import path from 'node:path';
import * as vscode from 'vscode';
import type { Sample } from '../../contract/generated';
import { showOnOneLine } from '../../present/text';
import { readTravelView, type TravelMessage, type TravelState, type TravelToHost, type TravelView } from '../../protocol/timeTravel';
import { isCheckpointName } from '../../rundir/layout';
import { readMomentPieces } from '../../rundir/pairPieces';
import { readRun } from '../../rundir/runs';
import { sampledCheckpoints } from '../../rundir/samples';
import { travelOf } from '../../samples/travel';
import { Disposable } from '../disposable';
import { webviewPage } from '../panel/page';
import type { RunRegistry } from '../runs/registry';
import { readSides, reasonOf } from './sides';
import { buildTravel } from './state';

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
  private names = '';
  private timer: NodeJS.Timeout | undefined;
  private ready = false;
  private busy = false;
  /** Of the last time that somebody asked for another state of the page. */
  private turn = 0;

  constructor(
    readonly panel: vscode.WebviewPanel, private view: TravelView, extension: vscode.Uri, private readonly runs: RunRegistry,
    private readonly memory: TravelMemory, private readonly warn: (text: string) => void,
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
    if (!this.ready || this.busy) return;
    try {
      const names = await sampledCheckpoints(this.view.dir);
      if (names.join('\n') !== this.names) await this.post();
    } catch (error) {
      this.warn(`Time travel: ${String(error)}`);
    }
  }

  /** What the page shows; where nothing can be read, why. */
  private async read(): Promise<TravelState> {
    const { dir, promptId, draw } = this.view;
    try {
      const names = await sampledCheckpoints(dir);
      const unread = await readSides(dir, names, this.sides);
      for (const reason of unread) this.warn(`Time travel: ${reason}`);
      const [summary, rows] = await Promise.all([readRun(dir), this.runs.checkpoints(dir)]);
      this.names = names.join('\n');
      const { sides, pieces } = this;
      await readMomentPieces(dir, travelOf(sides, promptId, draw)?.moments ?? [], pieces);
      const state = buildTravel({ run: summary.name, active: summary.active, rows, sides, pieces }, promptId, draw);
      return state.problem !== null && unread[0] !== undefined ? { ...state, problem: unread[0] } : state;
    } catch (error) {
      this.warn(`Time travel: ${String(error)}`);
      const sides = new Map<string, readonly Sample[]>();
      const nothing = { run: path.basename(dir), active: false, rows: [], sides, pieces: this.pieces };
      return { ...buildTravel(nothing, promptId, draw), problem: `The samples of this run cannot be read (${reasonOf(error)}).` };
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
