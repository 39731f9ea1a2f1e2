import path from 'node:path';
import * as vscode from 'vscode';
import { newConfigText } from '../../config/template';
import type { EditorContext } from '../context';
import { showInfo } from '../notify';

/** Writes a config to start from into the workspace and opens it. */
export function registerNewConfig(context: EditorContext): void {
  context.command('minillm.newConfig', async () => {
    const folders = (vscode.workspace.workspaceFolders ?? []).filter(({ uri }) => uri.scheme === 'file');
    if (folders.length === 0) {
      const openFolder = 'Open Folder';
      const answer = await showInfo('A config needs a folder: its run is written there.', openFolder);
      if (answer === openFolder) await vscode.commands.executeCommand('vscode.openFolder');
      return;
    }
    const folder = folders.length === 1 ? folders[0] : await vscode.window.showWorkspaceFolderPick({ placeHolder: 'Folder of the new config' });
    if (!folder) return;
    const name = await vscode.window.showInputBox({
      title: 'New Config',
      prompt: 'Name of the run. The file is called after it.',
      value: 'my-distillation',
      validateInput: (text) => (fileName(text) === undefined ? 'A name needs at least one letter or digit.' : undefined),
    });
    const file = name === undefined ? undefined : fileName(name);
    if (name === undefined || file === undefined) return;
    const uri = vscode.Uri.joinPath(folder.uri, file);
    if (await exists(uri)) {
      void showInfo(`${path.basename(uri.path)} exists already.`);
    } else {
      await vscode.workspace.fs.writeFile(uri, Buffer.from(newConfigText(name.trim())));
    }
    await vscode.window.showTextDocument(uri);
  });
}

function fileName(name: string): string | undefined {
  const stem = name.trim().replace(/\.minillm\.jsonc$/, '').replace(/[^\p{L}\p{N}._-]+/gu, '-').replace(/^[-.]+|[-.]+$/g, '');
  return stem === '' ? undefined : `${stem}.minillm.jsonc`;
}

async function exists(uri: vscode.Uri): Promise<boolean> {
  return Promise.resolve(vscode.workspace.fs.stat(uri)).then(() => true, () => false);
}
