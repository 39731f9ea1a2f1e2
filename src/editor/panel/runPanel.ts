import { stat } from 'node:fs/promises';
import path from 'node:path';
import * as vscode from 'vscode';
import { isRunId } from '../../rundir/layout';
import { readRun } from '../../rundir/runs';
import { Arrivals } from '../arrivals';
import { Disposable } from '../disposable';
import { pageFolder } from './page';
import { type RunPanelDependencies, RunPanelSession } from './session';
import { ViewState } from './viewState';

export const RUN_VIEW = 'minillm.run';

/** The panels of this window, at most one per run. Panels outlive it: the editor brings them back after a reload. */
export class RunPanels extends Disposable implements vscode.WebviewPanelSerializer {
  private readonly sessions = new Map<string, RunPanelSession>();
  private readonly arrivals = new Arrivals();
  private readonly state: ViewState;

  constructor(private readonly extension: vscode.ExtensionContext, private readonly dependencies: RunPanelDependencies) {
    super();
    this.state = new ViewState(extension.workspaceState);
    this.register(vscode.window.registerWebviewPanelSerializer(RUN_VIEW, this));
  }

  isOpen(dir: string): boolean {
    return this.sessions.has(dir);
  }

  /** Shows the panel of a run: the one that is open, else a new one. */
  async open(dir: string): Promise<void> {
    const reveal = (): boolean => {
      this.sessions.get(dir)?.panel.reveal();
      return this.sessions.has(dir);
    };
    await this.arrivals.bringUnless(reveal, dir, async () => {
      const { name } = await readRun(dir);
      if (this.disposed) return;
      const options = { enableFindWidget: true, ...this.options() };
      this.adopt(vscode.window.createWebviewPanel(RUN_VIEW, name, vscode.ViewColumn.Active, options), dir);
      await this.state.opened(dir, name);
    });
  }

  /** Folders of the runs that are laid over its charts. */
  overlaysOf(dir: string): readonly string[] {
    return this.sessions.get(dir)?.overlays ?? this.state.overlays(path.basename(dir));
  }

  /** Shows the panel of a run with these others in its charts. */
  async overlay(dir: string, others: readonly string[]): Promise<void> {
    await this.open(dir);
    await this.sessions.get(dir)?.overlay(others);
  }

  /** Closes the panel of a run that has been deleted. */
  close(dir: string): void {
    this.sessions.get(dir)?.panel.dispose();
  }

  /** Called by the editor for each panel that was open when the window closed. */
  async deserializeWebviewPanel(panel: vscode.WebviewPanel, state: unknown): Promise<void> {
    const dir = this.revivedFolder(panel.title, state);
    // Validated anew: it comes from a page, and folders go away.
    if (dir === undefined || !path.isAbsolute(dir) || !isRunId(path.basename(dir)) || this.isTaken(dir)) {
      this.dependencies.log.info(`A run panel is not restored: ${dir === undefined ? 'its run is not known any more' : `${dir} has one, or is no run`}.`);
      panel.dispose();
      return;
    }
    await this.arrivals.bring(dir, async () => {
      if (await isFolder(dir)) {
        panel.webview.options = this.options();
        this.adopt(panel, dir);
      } else {
        this.dependencies.log.info(`A run panel is not restored: ${dir} is gone.`);
        panel.dispose();
        await this.state.closed(dir);
      }
    });
  }

  override dispose(): void {
    for (const session of this.sessions.values()) session.dispose();
    this.sessions.clear();
    super.dispose();
  }

  private options(): vscode.WebviewOptions {
    return { enableScripts: true, localResourceRoots: [pageFolder(this.extension.extensionUri)] };
  }

  /** A page that was reloaded within seconds of its making has not kept its state: then the title tells, by what the host kept. */
  private revivedFolder(title: string, state: unknown): string | undefined {
    const kept = (state as { readonly dir?: unknown } | undefined)?.dir;
    if (typeof kept === 'string') return kept;
    const free = this.state.openPanels.filter(({ dir }) => !this.isTaken(dir));
    return (free.find((panel) => panel.title === title) ?? free[0])?.dir;
  }

  private isTaken(dir: string): boolean {
    return this.sessions.has(dir) || this.arrivals.has(dir);
  }

  private adopt(panel: vscode.WebviewPanel, dir: string): void {
    const session = new RunPanelSession(panel, dir, this.extension.extensionUri, this.state, this.dependencies);
    this.sessions.set(dir, session);
    panel.onDidDispose(() => {
      session.dispose();
      if (this.sessions.get(dir) !== session) return;
      this.sessions.delete(dir);
      void this.state.closed(dir);
    });
  }
}

async function isFolder(dir: string): Promise<boolean> {
  try {
    return (await stat(dir)).isDirectory();
  } catch {
    return false;
  }
}

export function registerRunPanels(extension: vscode.ExtensionContext, dependencies: RunPanelDependencies): RunPanels {
  return new RunPanels(extension, dependencies);
}
