import * as vscode from 'vscode';
import { adoptRun, type AdoptOptions, needsSupervisor } from '../../launch/adopt';
import { readRun } from '../../rundir/runs';
import type { EditorContext } from '../context';
import { Disposable } from '../disposable';
import type { PythonEnvironments } from '../python/environments';
import { currentWorkspace } from '../python/select';
import type { ListedRun, RunRegistry } from './registry';

/** Milliseconds before a run that could not be adopted is tried again. */
const AGAIN = 60_000;

/**
 * Sees to it that runs have a supervisor. A trainer whose supervisor died goes on and hears nobody: in a trusted workspace
 * it gets another one without a word, as does a run whose end nobody has written down.
 */
export class Supervision extends Disposable {
  private readonly tried = new Map<string, number>();

  constructor(private readonly context: EditorContext, private readonly runs: RunRegistry, private readonly python: PythonEnvironments) {
    super();
    this.register(runs.onDidChange(() => this.look()));
    this.register(vscode.workspace.onDidGrantWorkspaceTrust(() => this.look()));
  }

  /** What launching something for a run needs. A run folder is no authority on what is executed: the workspace that is open is. */
  async optionsFor(dir: string): Promise<AdoptOptions> {
    const workspace = vscode.workspace.getWorkspaceFolder(vscode.Uri.file(dir))?.uri.fsPath ?? currentWorkspace(this.context);
    const [python, env] = await Promise.all([this.python.searchFor(workspace), this.python.environmentFor(workspace)]);
    return { dir, trainerSource: this.context.shipped('trainer'), workspace, python, env };
  }

  /**
   * Before a run is asked for something: whoever asks must be heard. Rejects with LaunchError. What launching needs is looked
   * for only where something must be launched: no setting of this window stands between a run and its supervisor.
   */
  async ensure(dir: string): Promise<void> {
    if (needsSupervisor(await readRun(dir)) === undefined) return;
    await adoptRun(await this.optionsFor(dir));
  }

  private look(): void {
    if (!vscode.workspace.isTrusted || this.disposed) return;
    for (const run of this.runs.runs) {
      const need = needsSupervisor(run.summary);
      if (need !== undefined) this.context.background(`Adopting ${run.summary.id}`, this.adopt(run, need));
    }
  }

  private async adopt({ summary: { dir, id } }: ListedRun, need: string): Promise<void> {
    if (Date.now() < (this.tried.get(dir) ?? -Infinity) + AGAIN) return;
    this.tried.set(dir, Date.now());
    await this.ensure(dir);
    this.context.log.info(`${id} has a supervisor again (${need}).`);
    await this.runs.refresh();
  }
}
