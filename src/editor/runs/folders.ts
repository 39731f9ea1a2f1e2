import * as vscode from 'vscode';
import { resolvePath } from '../../launch/expand';
import type { EditorContext } from '../context';

const REMEMBERED = 'runs.folders';

/** The folders whose runs are shown: each workspace folder's own, and those that runs were started into from here. */
export class RunsFolders {
  constructor(private readonly context: EditorContext) {}

  get all(): string[] {
    return [...new Set([...this.ofWorkspace, ...this.remembered])];
  }

  get ofWorkspace(): string[] {
    return (vscode.workspace.workspaceFolders ?? [])
      .filter(({ uri }) => uri.scheme === 'file')
      .map(({ uri }) => this.usualOf(uri.fsPath));
  }

  /** Where runs of this workspace folder go unless their config names another place. */
  usualOf(workspace: string): string {
    const setting = vscode.workspace.getConfiguration('minillm', vscode.Uri.file(workspace)).get<string>('runsFolder', '').trim();
    return resolvePath(setting || 'runs', { workspace, env: process.env });
  }

  /** Shows the runs of this folder in this workspace from now on, wherever it lies. */
  async remember(folder: string): Promise<void> {
    if (this.all.includes(folder)) return;
    await this.context.extension.workspaceState.update(REMEMBERED, [folder, ...this.remembered].slice(0, 20));
  }

  private get remembered(): string[] {
    return this.context.extension.workspaceState.get<string[]>(REMEMBERED, []);
  }
}
