import path from 'node:path';
import * as vscode from 'vscode';
import { type EditorContext, setContextKey } from '../context';
import { Disposable } from '../disposable';
import { showInfo } from '../notify';

/** Copies of configs in run folders are records, not configs to run. */
const LEFT_OUT = '{**/node_modules/**,**/.venv/**,**/venv/**,**/runs/**}';

export const configSelector: vscode.DocumentSelector = { scheme: 'file', pattern: '**/*.minillm.jsonc' };

export function isConfig(document: vscode.TextDocument): boolean {
  return document.uri.scheme === 'file' && document.uri.path.endsWith('.minillm.jsonc');
}

/** The folder that a config's run belongs to. */
export function workspaceOf(config: vscode.Uri): string {
  return vscode.workspace.getWorkspaceFolder(config)?.uri.fsPath ?? path.dirname(config.fsPath);
}

/** A config of the workspace: the only one, or the one that the user chooses. */
export async function pickConfig(placeHolder: string): Promise<vscode.Uri | undefined> {
  const found = (await vscode.workspace.findFiles('**/*.minillm.jsonc', LEFT_OUT, 100)).filter((uri) => uri.scheme === 'file');
  if (found.length <= 1) {
    if (found[0]) return found[0];
    const [newConfig, openDemo] = ['New Config', 'Open Demo'];
    const answer = await showInfo('There is no config (*.minillm.jsonc) in this workspace yet.', newConfig, openDemo);
    if (answer === newConfig) await vscode.commands.executeCommand('minillm.newConfig');
    if (answer === openDemo) await vscode.commands.executeCommand('minillm.openDemo');
    return undefined;
  }
  const folderOf = (uri: vscode.Uri): string => path.dirname(vscode.workspace.asRelativePath(uri));
  const picks = found.map((uri) => ({ label: path.basename(uri.path), description: folderOf(uri), uri }));
  picks.sort((a, b) => a.label.localeCompare(b.label) || a.description.localeCompare(b.description));
  return (await vscode.window.showQuickPick(picks, { placeHolder, matchOnDescription: true }))?.uri;
}

/** Tells the views' welcome whether the workspace has a config. */
export class ConfigPresence extends Disposable {
  constructor(private readonly context: EditorContext) {
    super();
    const watcher = this.register(vscode.workspace.createFileSystemWatcher('**/*.minillm.jsonc', false, true, false));
    this.register(watcher.onDidCreate(() => this.look()));
    this.register(watcher.onDidDelete(() => this.look()));
    this.register(vscode.workspace.onDidChangeWorkspaceFolders(() => this.look()));
    this.look();
  }

  private look(): void {
    const found = Promise.resolve(vscode.workspace.findFiles('**/*.minillm.jsonc', LEFT_OUT, 1));
    this.context.background('Looking for configs', found.then(({ length }) => setContextKey('minillm.hasConfig', length > 0)));
  }
}
