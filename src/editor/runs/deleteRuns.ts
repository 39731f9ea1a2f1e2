import path from 'node:path';
import * as vscode from 'vscode';
import { isActive } from '../../contract/runState';
import { readRun } from '../../rundir/runs';
import { confirm, showWarning } from '../notify';
import type { Target } from './target';

/** Moves ended runs to the trash. A run is asked for its state right before: what lives is never deleted. */
export async function deleteRuns(targets: readonly Pick<Target, 'dir'>[]): Promise<void> {
  const summaries = await Promise.all(targets.map(({ dir }) => readRun(dir)));
  const kept = summaries.filter(({ state }) => isActive(state) || state === 'unknown');
  const [first] = kept;
  if (first) {
    const why = first.state === 'unknown' ? first.text : 'It is running: stop it first.';
    void showWarning(`${first.name} is not deleted. ${why}`);
  }
  const going = summaries.filter((summary) => !kept.includes(summary));
  if (going.length === 0) return;
  const what = going.length === 1 ? `the run ${going[0]?.name ?? ''} (${going[0]?.id ?? ''})` : `${going.length} runs`;
  // The editor has a trash only on the machine that it runs on.
  const hasTrash = vscode.env.remoteName === undefined;
  const question = `Delete ${what} with ${going.length === 1 ? 'its' : 'their'} checkpoints and samples?`;
  if (!(await confirmed(question, hasTrash))) return;
  for (const { dir } of going) await remove(dir, hasTrash);
}

function confirmed(question: string, hasTrash: boolean): Promise<boolean> {
  const detail = hasTrash ? 'It can be restored from the trash.' : 'There is no trash on this machine: it cannot be restored.';
  const yes = hasTrash ? 'Move to Trash' : 'Delete Permanently';
  return confirm(question, detail, yes);
}

async function remove(dir: string, useTrash: boolean): Promise<void> {
  const uri = vscode.Uri.file(dir);
  try {
    await vscode.workspace.fs.delete(uri, { recursive: true, useTrash });
  } catch (error) {
    if (!useTrash) throw error;
    const question = `${path.basename(dir)} cannot be moved to the trash. Delete it?`;
    if (await confirmed(question, false)) await vscode.workspace.fs.delete(uri, { recursive: true, useTrash: false });
  }
}
