import path from 'node:path';
import * as vscode from 'vscode';
import { whyNotDelete } from '../../rundir/guard';
import { readRun, type RunSummary } from '../../rundir/runs';
import { confirm, showWarning } from '../notify';
import type { Target } from './target';

/**
 * Moves ended runs to the trash, and closes their pages. Each is asked for its state right before, after all questions: what
 * lives is never deleted, and the question tells of what might.
 */
export async function deleteRuns(targets: readonly Pick<Target, 'dir'>[], closePages: (dir: string) => void): Promise<void> {
  const refusals: string[] = [];
  const going: RunSummary[] = [];
  for (const { dir } of targets) {
    const summary = await readRun(dir);
    const refusal = whyNotDelete(summary);
    if (refusal === undefined) going.push(summary);
    else refusals.push(refusal);
  }
  tell(refusals);
  const [first] = going;
  if (first === undefined) return;
  const what = going.length === 1 ? `the run ${first.name} (${first.id})` : `${going.length} runs`;
  // The editor has a trash only on the machine that it runs on.
  const hasTrash = vscode.env.remoteName === undefined;
  const question = `Delete ${what} with ${going.length === 1 ? 'its' : 'their'} checkpoints and samples?`;
  const doubts = going.filter(({ forsaken }) => forsaken).map(({ name, text }) => `${going.length === 1 ? '' : `${name}: `}${text}`);
  if (!(await confirmed(question, hasTrash, doubts))) return;
  const late: string[] = [];
  await vscode.window.withProgress({ location: vscode.ProgressLocation.Window, title: 'MiniLLM: deleting runs' }, async (progress) => {
    for (const [n, { dir, name }] of going.entries()) {
      progress.report({ message: `${n + 1} of ${going.length}` });
      // One that stays keeps none of the others.
      late.push(...(await remove(dir, hasTrash).catch((error: unknown) => [`${name}: ${reasonOf(error)}`])));
      if ((await readRun(dir)).gone) closePages(dir);
    }
  });
  tell(late);
}

/** "EACCES: permission denied, unlink '/runs/…'": the editor's words for it begin with the class of the error. */
function reasonOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).replace(/^\w*Error: /, '');
}

function tell(refusals: readonly string[]): void {
  const [first, ...others] = refusals;
  if (first !== undefined) void showWarning(`Not deleted: ${first}${others.length > 0 ? ` (and ${others.length} more)` : ''}`);
}

function confirmed(question: string, hasTrash: boolean, doubts: readonly string[] = []): Promise<boolean> {
  const back = hasTrash ? 'It can be restored from the trash.' : 'There is no trash on this machine: it cannot be restored.';
  const detail = [...doubts, back].join('\n\n');
  const yes = hasTrash ? 'Move to Trash' : 'Delete Permanently';
  return confirm(question, detail, yes);
}

/** Returns why it is there still, if it is. */
async function remove(dir: string, useTrash: boolean): Promise<string[]> {
  const summary = await readRun(dir);
  const refusal = whyNotDelete(summary);
  if (refusal !== undefined) return [refusal];
  if (summary.gone) return [];
  try {
    await vscode.workspace.fs.delete(vscode.Uri.file(dir), { recursive: true, useTrash });
  } catch (error) {
    if (!useTrash) throw error;
    const question = `${path.basename(dir)} cannot be moved to the trash. Delete it?`;
    if (await confirmed(question, false)) return remove(dir, false);
  }
  return [];
}
