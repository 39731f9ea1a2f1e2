import * as vscode from 'vscode';
import { stateLook } from '../../present/labels';
import { formatBytes } from '../../present/numbers';
import { whyNotDelete } from '../../rundir/guard';
import { listRuns } from '../../rundir/runs';
import { folderSize } from '../../rundir/size';
import type { EditorContext } from '../context';
import { showInfo } from '../notify';
import { runDescription, runLabel } from './describe';
import { deleteRuns } from './deleteRuns';
import type { ListedRun, RunRegistry } from './registry';

interface CleanUpPick extends vscode.QuickPickItem {
  readonly dir: string;
  readonly bytes: number;
}

/** Clean Up Old Runs: runs that have ended with what they take up, the largest first, to choose from. */
export function registerCleanUp(context: EditorContext, runs: RunRegistry, closePages: (dir: string) => void): void {
  context.command('minillm.cleanUp', async () => {
    await runs.refresh();
    const ended = (await allRuns(runs)).filter(({ summary }) => whyNotDelete(summary) === undefined);
    if (ended.length === 0) {
      void showInfo('There is no run that has ended.');
      return;
    }
    const chosen = await choose(ended);
    if (chosen.length > 0) await deleteRuns(chosen, closePages);
    await runs.refresh();
  });
}

/** Runs of one folder that are looked through: the list shows only the newest. */
const MOST = 10_000;

async function allRuns(runs: RunRegistry): Promise<ListedRun[]> {
  const folders = await Promise.all([...new Set(runs.folders())].map((folder) => listRuns(folder, MOST).catch(() => [])));
  return folders.flat().map((summary) => runs.get(summary.dir) ?? { summary, kl: undefined, alerts: [], checkpointsSeen: 0 });
}

async function choose(ended: readonly ListedRun[]): Promise<readonly CleanUpPick[]> {
  const title = { location: vscode.ProgressLocation.Window, title: 'MiniLLM: measuring runs' };
  const picks = await vscode.window.withProgress(title, () => Promise.all(ended.map(pickOf)));
  picks.sort((a, b) => b.bytes - a.bytes);
  const pick = vscode.window.createQuickPick<CleanUpPick>();
  try {
    const total = formatBytes(picks.reduce((sum, { bytes }) => sum + bytes, 0));
    pick.title = `Clean Up Old Runs: ${total} in ${picks.length}`;
    pick.placeholder = 'Runs to delete with their checkpoints and samples';
    pick.canSelectMany = true;
    pick.matchOnDescription = true;
    pick.items = picks;
    pick.onDidChangeSelection((selected) => {
      pick.title = selected.length === 0
        ? `Clean Up Old Runs: ${total} in ${picks.length}`
        : `Clean Up Old Runs: ${formatBytes(selected.reduce((sum, { bytes }) => sum + bytes, 0))} of ${total} chosen`;
    });
    return await new Promise((resolve) => {
      pick.onDidAccept(() => resolve(pick.selectedItems));
      pick.onDidHide(() => resolve([]));
      pick.show();
    });
  } finally {
    pick.dispose();
  }
}

async function pickOf(run: ListedRun): Promise<CleanUpPick> {
  const { dir, id, state } = run.summary;
  const bytes = await folderSize(dir);
  return {
    dir, bytes,
    label: `$(${stateLook(state).icon}) ${runLabel(run).replaceAll('$(', '$ (')}`,
    description: `${formatBytes(bytes)} · ${runDescription(run, new Date())}`,
    detail: id,
  };
}
