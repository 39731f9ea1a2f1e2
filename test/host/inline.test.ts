import assert from 'node:assert/strict';
import { cpSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import * as vscode from 'vscode';
import { repo } from '../harness/paths';
import { activated, inWorkspace, until } from './api';

const RECORDED = '20261124-232620-pronounce';

describe('answers beside prompts', () => {
  let dir: string;

  before(async () => {
    const api = await activated();
    dir = inWorkspace('runs', RECORDED);
    cpSync(path.join(repo, 'test', 'fixtures', 'runs', RECORDED), dir, { recursive: true });
    await until('the run', () => api.runs().some(({ summary }) => summary.dir === dir));
    cpSync(path.join(repo, 'demo', 'inspect.jsonl'), inWorkspace('prompts.jsonl'));
    await vscode.commands.executeCommand('minillm.chooseInlineSamples', { dir });
    writeFileSync(inWorkspace('prompts.txt'), 'n a i v e :\n\nsomething else\n  d o u b t :  \n');
    writeFileSync(inWorkspace('prompts.md'), '# Words\n\n- c o u g h :\n- nothing of the sort\n');
  });

  after(async () => {
    await vscode.commands.executeCommand('workbench.action.closeAllEditors');
    rmSync(dir, { recursive: true });
    for (const name of ['prompts.jsonl', 'prompts.md', 'prompts.txt']) rmSync(inWorkspace(name));
  });

  const lensesOf = async (name: string): Promise<vscode.CodeLens[]> => {
    const uri = vscode.Uri.file(inWorkspace(name));
    await vscode.workspace.openTextDocument(uri);
    return vscode.commands.executeCommand<vscode.CodeLens[]>('vscode.executeCodeLensProvider', uri, 1000);
  };
  const ours = (lenses: readonly vscode.CodeLens[]): vscode.CodeLens[] => lenses.filter(({ command }) => command?.command.startsWith('minillm.') === true);

  it('have four lenses for every prompt that was sampled', async () => {
    const lenses = await until('the lenses', async () => {
      const found = ours(await lensesOf('prompts.jsonl'));
      return found.length > 0 && found;
    });
    assert.equal(lenses.length, 80);
    const first = lenses.filter(({ range }) => range.start.line === 0);
    assert.match(first[0]?.command?.title ?? '', /^step 1700 · /);
    assert.deepEqual(first.map(({ command }) => command?.title).slice(1), ['Diff', 'Travel', 'Tokens']);
    assert.deepEqual(first[1]?.command?.arguments, [{ dir, promptId: 'cough', from: 'step-00001600-a1', to: 'step-00001700-a1' }]);
  });

  it('tell on hover what every checkpoint answered', async () => {
    const uri = vscode.Uri.file(inWorkspace('prompts.jsonl'));
    const hovers = await vscode.commands.executeCommand<vscode.Hover[]>('vscode.executeHoverProvider', uri, new vscode.Position(0, 3));
    const sheet = hovers.flatMap(({ contents }) => contents).find((one) => one instanceof vscode.MarkdownString && one.value.includes('| answer |'));
    assert.ok(sheet instanceof vscode.MarkdownString);
    assert.equal(sheet.isTrusted, false);
    assert.match(sheet.value, /teacher[^]*reference/);
  });

  it('stand beside items of a list and lines of text, and nowhere when switched off', async () => {
    assert.deepEqual([...new Set(ours(await lensesOf('prompts.md')).map(({ range }) => range.start.line))], [2]);
    assert.deepEqual([...new Set(ours(await lensesOf('prompts.txt')).map(({ range }) => range.start.line))], [0, 3]);
    const settings = vscode.workspace.getConfiguration('minillm');
    await settings.update('inlineSamples.enabled', false, vscode.ConfigurationTarget.Workspace);
    assert.deepEqual(ours(await lensesOf('prompts.jsonl')), []);
    await settings.update('inlineSamples.enabled', undefined, vscode.ConfigurationTarget.Workspace);
    assert.equal(ours(await lensesOf('prompts.jsonl')).length, 80);
  });
});
