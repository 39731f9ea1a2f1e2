// Last of all files by name: the extension is gone afterwards.
import assert from 'node:assert/strict';
import * as vscode from 'vscode';
import { activated } from './api';

describe('the end of the extension', () => {
  it('leaves nothing behind', async () => {
    const api = await activated();
    assert.deepEqual(api.end(), []);
    const commands = (await vscode.commands.getCommands(true)).filter((id) => id.startsWith('minillm.') && !id.startsWith('minillm.runs.'));
    assert.deepEqual(commands, []);
    await assert.rejects(Promise.resolve(vscode.workspace.fs.stat(vscode.Uri.parse('minillm:/x'))), /ENOPRO/);
  });
});
