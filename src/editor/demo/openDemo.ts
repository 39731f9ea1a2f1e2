import path from 'node:path';
import * as vscode from 'vscode';
import { makeDemoWorkspace } from '../../launch/demoWorkspace';
import type { EditorContext } from '../context';

const PENDING = 'demo.pending';

/** Open Demo: copies the demo to a folder of the extension's own and opens it there, with its config showing. */
export function registerOpenDemo(context: EditorContext): void {
  context.command('minillm.openDemo', async () => {
    const folder = context.storage('demo');
    const config = await vscode.window.withProgress({ location: vscode.ProgressLocation.Window, title: 'MiniLLM: copying the demo' }, () =>
      makeDemoWorkspace(context.shipped('demo'), folder));
    const folders = vscode.workspace.workspaceFolders ?? [];
    if (folders.some(({ uri }) => uri.fsPath === folder)) {
      await vscode.window.showTextDocument(vscode.Uri.file(config));
      return;
    }
    // Opening a folder restarts the extension: what is left to do then is written down here.
    await context.extension.globalState.update(PENDING, config);
    await vscode.commands.executeCommand('vscode.openFolder', vscode.Uri.file(folder), { forceNewWindow: folders.length > 0 });
  });
}

/** Shows the demo's config once, in the window that has just been opened on it. */
export async function showPendingDemo(context: EditorContext): Promise<void> {
  const config = context.extension.globalState.get<string>(PENDING);
  if (config === undefined || !(vscode.workspace.workspaceFolders ?? []).some(({ uri }) => uri.fsPath === path.dirname(config))) return;
  await context.extension.globalState.update(PENDING, undefined);
  await vscode.window.showTextDocument(vscode.Uri.file(config));
  await vscode.commands.executeCommand('minillm.runs.focus', { preserveFocus: true });
}
