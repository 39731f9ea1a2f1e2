import { rm } from 'node:fs/promises';
import path from 'node:path';
import * as vscode from 'vscode';
import { isRunId } from '../../rundir/layout';
import { readPlain } from '../../rundir/plainFile';
import type { EditorContext } from '../context';

/** Bytes of a request. One of ours has a hundred. */
const LARGEST = 4 << 10;

/**
 * Honours `.minillm/open.json`, in which whoever opened the editor on a workspace says which run to show. It is read once
 * and deleted. It may come from anybody: it names a run by its id and can do no more than have it shown.
 */
export async function honourOpenRequests(
  context: EditorContext, runsFolders: readonly string[], openPanel: (dir: string) => void | Promise<void>,
): Promise<void> {
  for (const { uri } of vscode.workspace.workspaceFolders ?? []) {
    if (uri.scheme !== 'file') continue;
    const file = path.join(uri.fsPath, '.minillm', 'open.json');
    const text = await readPlain(file, LARGEST).catch(() => undefined);
    if (text === undefined) continue;
    await rm(file, { force: true });
    const request = parseRequest(text);
    if (!request) {
      context.log.warn(`${file} asks for nothing that can be done.`);
      continue;
    }
    for (const folder of runsFolders) {
      const dir = path.join(folder, request.run);
      const exists = await vscode.workspace.fs.stat(vscode.Uri.file(dir)).then(() => true, () => false);
      if (!exists) continue;
      await vscode.commands.executeCommand('minillm.runs.focus');
      if (request.panel) await openPanel(dir);
      break;
    }
  }
}

function parseRequest(text: string): { readonly run: string; readonly panel: boolean } | undefined {
  try {
    const { run, panel } = JSON.parse(text) as Record<string, unknown>;
    return typeof run === 'string' && isRunId(run) ? { run, panel: panel === true } : undefined;
  } catch {
    return undefined;
  }
}
