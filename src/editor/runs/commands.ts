import { stat } from 'node:fs/promises';
import * as vscode from 'vscode';
import { checkpointLabel } from '../../present/labels';
import { whyNotDelete } from '../../rundir/guard';
import { RunDir } from '../../rundir/layout';
import type { EditorContext } from '../context';
import { showInfo, showWarning } from '../notify';
import { showFolder } from '../showFolder';
import { deleteRuns } from './deleteRuns';
import type { RunsFolders } from './folders';
import type { RunRegistry } from './registry';
import { givenOrPicked, pickRun, presentRun, SELECTION, wholeRun } from './target';

export interface RunCommands {
  readonly runs: RunRegistry;
  readonly folders: RunsFolders;
  /** What is selected in the Runs view, for keys pressed there. */
  readonly selection: () => readonly unknown[];
  readonly openPanel: (dir: string) => void | Promise<void>;
  readonly closePages: (dir: string) => void;
}

export function registerRunCommands(context: EditorContext, { runs, folders, selection, openPanel, closePages }: RunCommands): void {
  context.command('minillm.openPanel', async (given) => {
    const target = await givenOrPicked(runs, given, 'Run to open');
    if (target) await openPanel(target.dir);
  });

  context.command('minillm.showLog', async (given) => {
    const target = await presentRun(runs, given, 'Run whose log to show');
    if (target) await vscode.commands.executeCommand('vscode.open', vscode.Uri.file(new RunDir(target.dir).log), { preview: true });
  });

  context.command('minillm.openConfig', async (given) => {
    const target = await presentRun(runs, given, 'Run whose config to show');
    if (target) await vscode.commands.executeCommand('vscode.open', vscode.Uri.file(new RunDir(target.dir).config), { preview: true });
  });

  context.command('minillm.revealRun', async (given) => {
    const target = await presentRun(runs, given, 'Run whose folder to reveal');
    if (target) await showFolder(target.dir);
  });

  context.command('minillm.openRunsFolder', async () => {
    const existing: string[] = [];
    for (const folder of folders.all) if (await stat(folder).then((it) => it.isDirectory(), () => false)) existing.push(folder);
    const folder = existing.length > 1 ? await vscode.window.showQuickPick(existing, { placeHolder: 'Runs folder to open' }) : existing[0];
    if (folder !== undefined) await showFolder(folder);
    else if (existing.length === 0) void showInfo('There is no runs folder yet: the first run makes it.');
  });

  context.command('minillm.deleteRun', async (given, many) => {
    // Only the key means what is selected: who comes from the palette has long forgotten it.
    const asked = given === SELECTION ? selection() : Array.isArray(many) && many.length > 0 ? many : given === undefined ? [] : [given];
    const targets = asked.flatMap((one) => wholeRun(one) ?? []);
    if (targets.length === 0 && asked.length > 0) {
      void showInfo('Only a whole run can be deleted: select its own row.');
      return;
    }
    if (targets.length === 0) {
      const ended = runs.runs.filter(({ summary }) => whyNotDelete(summary) === undefined);
      const target = await pickRun(ended, 'Run to delete', 'There is no run that has ended.');
      if (target) targets.push(target);
    }
    await deleteRuns(targets, closePages);
    await runs.refresh();
  });

  context.command('minillm.copyCheckpointPath', async (given) => {
    const target = await presentRun(runs, given, 'Run of the checkpoint');
    if (!target) return;
    const name = target.checkpoint ?? (await pickCheckpoint(runs, target.dir));
    if (name === undefined) return;
    const folder = new RunDir(target.dir).checkpoint(name);
    if (!(await stat(folder).then((it) => it.isDirectory(), () => false))) {
      void showWarning(`The weights of ${checkpointLabel(name)} are gone: "checkpoints.keep" in the config limits how many stay. Its samples remain.`);
      return;
    }
    await vscode.env.clipboard.writeText(folder);
    vscode.window.setStatusBarMessage(`Copied the path of ${checkpointLabel(name)}`, 3000);
  });
}

async function pickCheckpoint(runs: RunRegistry, dir: string): Promise<string | undefined> {
  const rows = await runs.checkpoints(dir);
  const picks = [...rows].reverse().map((row) => ({ label: checkpointLabel(row.name), description: row.best ? 'best' : '', name: row.name }));
  if (picks.length === 0) void showInfo('This run has no checkpoint yet.');
  return picks.length === 0 ? undefined : (await vscode.window.showQuickPick(picks, { placeHolder: 'Checkpoint' }))?.name;
}
