import { stat } from 'node:fs/promises';
import path from 'node:path';
import * as vscode from 'vscode';
import { readTravelView, type TravelView } from '../../protocol/timeTravel';
import { isRunId } from '../../rundir/layout';
import { readSamples, sampledCheckpoints } from '../../rundir/samples';
import { namePrompts } from '../../samples/promptName';
import { Arrivals } from '../arrivals';
import type { EditorContext } from '../context';
import { Disposable } from '../disposable';
import { showInfo } from '../notify';
import { pageFolder } from '../panel/page';
import type { RunRegistry } from '../runs/registry';
import { presentRun, targetOf } from '../runs/target';
import { promptPick } from '../samples/promptPick';
import { TravelSession } from './session';

const TRAVEL_VIEW = 'minillm.timeTravel';
const OPEN = 'minillm.timeTravel.open';

/** The time travel pages of this window, at most one per run. The editor brings them back after a reload. */
class TravelPanels extends Disposable implements vscode.WebviewPanelSerializer {
  private readonly sessions = new Map<string, TravelSession>();
  private readonly arrivals = new Arrivals();

  constructor(private readonly context: EditorContext, private readonly runs: RunRegistry) {
    super();
    this.register(vscode.window.registerWebviewPanelSerializer(TRAVEL_VIEW, this));
  }

  async open(view: TravelView): Promise<void> {
    const { dir } = view;
    await this.arrivals.bringUnless(() => this.sessions.has(dir), dir, () => {
      const options = { enableFindWidget: true, ...this.options() };
      this.adopt(vscode.window.createWebviewPanel(TRAVEL_VIEW, 'Time travel', vscode.ViewColumn.Active, options), view);
      return Promise.resolve();
    });
    const known = this.sessions.get(dir);
    known?.panel.reveal();
    await known?.show(view);
  }

  /** Closes the page of a run that has been deleted. */
  close(dir: string): void {
    this.sessions.get(dir)?.panel.dispose();
  }

  async deserializeWebviewPanel(panel: vscode.WebviewPanel, state: unknown): Promise<void> {
    // A page that was reloaded within seconds of its making has not kept its state: then it is what the host kept.
    const view = readTravelView(state) ?? this.kept.find(({ dir }) => !this.isTaken(dir));
    if (!view || !path.isAbsolute(view.dir) || !isRunId(path.basename(view.dir)) || this.isTaken(view.dir)) {
      panel.dispose();
      return;
    }
    await this.arrivals.bring(view.dir, async () => {
      if (await stat(view.dir).then((it) => it.isDirectory(), () => false)) {
        panel.webview.options = this.options();
        this.adopt(panel, view);
      } else {
        this.context.log.info(`A page of time travel is not restored: ${view.dir} is gone.`);
        panel.dispose();
        this.forget(view.dir);
      }
    });
  }

  override dispose(): void {
    for (const session of this.sessions.values()) session.dispose();
    this.sessions.clear();
    super.dispose();
  }

  private get kept(): readonly TravelView[] {
    return this.context.extension.workspaceState.get<unknown[]>(OPEN, []).flatMap((one) => readTravelView(one) ?? []);
  }

  private keep(view: TravelView): void {
    void this.context.extension.workspaceState.update(OPEN, [...this.kept.filter(({ dir }) => dir !== view.dir), view].slice(-20));
  }

  private forget(closed: string): void {
    void this.context.extension.workspaceState.update(OPEN, this.kept.filter(({ dir }) => dir !== closed));
  }

  private options(): vscode.WebviewOptions {
    return { enableScripts: true, localResourceRoots: [pageFolder(this.context.extension.extensionUri)] };
  }

  private isTaken(dir: string): boolean {
    return this.sessions.has(dir) || this.arrivals.has(dir);
  }

  private adopt(panel: vscode.WebviewPanel, view: TravelView): void {
    const { log, extension: { extensionUri } } = this.context;
    const memory = { keep: (kept: TravelView): void => this.keep(kept) };
    const session = new TravelSession(panel, view, extensionUri, this.runs, memory, (text) => log.warn(text));
    this.sessions.set(view.dir, session);
    panel.onDidDispose(() => {
      session.dispose();
      if (this.sessions.get(view.dir) !== session) return;
      this.sessions.delete(view.dir);
      this.forget(view.dir);
    });
  }
}

export function registerTimeTravel(context: EditorContext, runs: RunRegistry): TravelPanels {
  const panels = context.register(new TravelPanels(context, runs));
  context.command('minillm.openTimeTravel', async (given) => {
    const target = await presentRun(runs, given, 'Run to travel through');
    if (!target) return;
    const { promptId, draw } = (targetOf(given) === undefined ? {} : given) as { readonly promptId?: unknown; readonly draw?: unknown };
    const prompt = typeof promptId === 'string' ? promptId : await pickPrompt(target.dir);
    if (prompt === undefined) return;
    await panels.open({ dir: target.dir, promptId: prompt, draw: typeof draw === 'number' ? draw : 0, checkpoint: target.checkpoint ?? null, pins: [] });
  });
  return panels;
}

async function pickPrompt(dir: string): Promise<string | undefined> {
  const newest = (await sampledCheckpoints(dir)).findLast((name) => name !== 'teacher');
  if (newest === undefined) {
    void showInfo('This run has no samples yet: they come with its first checkpoint.');
    return undefined;
  }
  const greedy = (await readSamples(dir, newest)).filter(({ draw }) => draw === 0);
  const nameOf = namePrompts(greedy);
  const picks = greedy.map(({ promptId, text }) => ({ ...promptPick(nameOf(promptId), text), promptId }));
  const options = { placeHolder: 'Prompt to follow through the checkpoints', matchOnDescription: true, matchOnDetail: true };
  return (await vscode.window.showQuickPick(picks, options))?.promptId;
}
