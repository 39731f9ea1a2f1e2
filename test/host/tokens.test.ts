import assert from 'node:assert/strict';
import { cpSync, rmSync } from 'node:fs';
import path from 'node:path';
import * as vscode from 'vscode';
import { parseTokensUri, type TokensAddress, tokensUri } from '../../src/editor/tokenLens/address';
import { repo, temporaryFolder } from '../harness/paths';
import { writeSamples } from '../unit/tokenRun';
import { activated, inWorkspace, until } from './api';

const RECORDED = '20261124-232620-pronounce';
const last = 'step-00001700-a1';

describe('tokens', () => {
  let dir: string;

  before(async () => {
    const api = await activated();
    dir = inWorkspace('runs', RECORDED);
    cpSync(path.join(repo, 'test', 'fixtures', 'runs', RECORDED), dir, { recursive: true });
    await until('the run', () => api.runs().some(({ summary }) => summary.dir === dir));
  });

  after(async () => {
    await vscode.commands.executeCommand('workbench.action.closeAllEditors');
    rmSync(dir, { recursive: true });
  });

  const address = (fields: Partial<TokensAddress> = {}): TokensAddress =>
    ({ dir, checkpoint: last, promptId: 'cough', kind: 'draw', draw: 0, measure: 'gap', ...fields });

  it('have addresses that come back as they went, and lead nowhere else', () => {
    for (const promptId of ['cough', 'a/b c?#%&=', '../../etc', 'ü\u202e', '']) {
      for (const measure of ['gap', 'entropy', undefined] as const) {
        const wanted = address({ promptId, measure, kind: 'reference', draw: 2 });
        assert.deepEqual(parseTokensUri(vscode.Uri.parse(tokensUri(wanted).toString())), wanted);
      }
    }
    const names = (fields: Partial<TokensAddress>): string => path.posix.basename(tokensUri(address(fields)).path);
    assert.equal(names({}), 'cough · step 1700 · greedy.minillm-tokens');
    assert.equal(names({ promptId: 'a/b\nc', draw: 2, measure: undefined }), 'a∕b c · step 1700 · draw 2, table.minillm-table');
    assert.equal(names({ promptId: 'x'.repeat(80), kind: 'reference' }), `${'x'.repeat(31)}… · step 1700 · reference.minillm-tokens`);
    for (const query of [last, `${last}&cough`, `${last}&cough&draw-0`, `../${last}&cough&draw-0&gap`, `${last}&cough&draw-0&colour`, `${last}&cough&draw--1&gap`, `${last}&cough&draw-0&gap&x`]) {
      assert.equal(parseTokensUri(vscode.Uri.parse(`minillm:${dir}/x.minillm-tokens?${query}`)), undefined, query);
    }
    assert.equal(parseTokensUri(vscode.Uri.parse(`minillm:/etc/passwd.minillm-tokens?${last}&cough&draw-0&gap`)), undefined);
  });

  it('are documents that can be read and not written, with a table twin', async () => {
    const document = await vscode.workspace.openTextDocument(tokensUri(address()));
    assert.equal(document.languageId, 'minillm-tokens');
    assert.match(document.getText(), /sequence KL [\d.]+ nats · \d+ tokens[^]*teacher–student gap, nats[^]*⟨<\/s>⟩/);
    const table = await vscode.workspace.openTextDocument(tokensUri(address({ measure: undefined })));
    assert.match(table.getText(), /# +token +student +teacher +gap +KL/);
    const refused = vscode.workspace.fs.writeFile(tokensUri(address()), Buffer.from('x'));
    await assert.rejects(Promise.resolve(refused));
    await assert.rejects(Promise.resolve(vscode.workspace.fs.readFile(tokensUri(address({ promptId: 'nobody' })))), /no token detail of "nobody"/);
  });

  it('are headed as their tab is: by the prompt\'s words where its row is only numbered', async () => {
    const numbered = path.join(temporaryFolder('numbered'), '20260101-000000-numbered');
    writeSamples(numbered, last, [['K', ' AO']], '17');
    const of = address({ dir: numbered, promptId: '17' });
    for (const measure of ['gap', undefined] as const) {
      const bytes = await vscode.workspace.fs.readFile(tokensUri({ ...of, measure }));
      assert.equal(Buffer.from(bytes).toString().split('\n')[0], '? · step 1700 · greedy');
    }
    await vscode.commands.executeCommand('minillm.inspectTokens', { dir: numbered, checkpoint: last, promptId: '17', draw: 0 });
    await until('its tab', () => vscode.window.activeTextEditor?.document.uri.toString() === tokensUri(of, '?').toString());
  });

  it('tell on hover what both models would have said, as text and never as markup', async () => {
    const document = await vscode.workspace.openTextDocument(tokensUri(address()));
    const line = document.getText().split('\n').findIndex((text) => text.includes('⟨</s>⟩'));
    const [hover] = await vscode.commands.executeCommand<vscode.Hover[]>('vscode.executeHoverProvider', document.uri, new vscode.Position(line, 0));
    const [sheet] = hover?.contents ?? [];
    assert.ok(sheet instanceof vscode.MarkdownString);
    assert.equal(sheet.isTrusted, false);
    assert.match(sheet.value, /would say \| &nbsp; student \| &nbsp; teacher[^]*probability/);
    assert.match(sheet.value, /←(&nbsp;| )said/);
  });

  it('are reached from the samples document, from the tree and by name', async () => {
    await vscode.commands.executeCommand('minillm.inspectTokens', { dir, checkpoint: last, promptId: 'doubt', draw: 1 });
    const editor = await until('the lens', () => vscode.window.activeTextEditor?.document.languageId === 'minillm-tokens' && vscode.window.activeTextEditor);
    assert.deepEqual(parseTokensUri(editor.document.uri), address({ promptId: 'doubt', draw: 1 }));
    const before = editor.selection.active;
    await vscode.commands.executeCommand('minillm.nextWorstToken');
    const lenses = await vscode.commands.executeCommand<vscode.CodeLens[]>('vscode.executeCodeLensProvider', editor.document.uri, 20);
    assert.deepEqual(lenses.map(({ command }) => command?.command), ['minillm.chooseTokenMeasure', 'minillm.nextWorstToken', 'minillm.openTokenTable', 'minillm.openTimeTravel']);
    if (editor.document.getText().includes('cost most')) assert.ok(editor.selection.active.isAfterOrEqual(before));

    await vscode.commands.executeCommand('minillm.openSamples', { dir, checkpoint: last });
    const samples = await until('the samples', () => vscode.window.activeTextEditor?.document.languageId === 'minillm-samples' && vscode.window.activeTextEditor);
    const at = samples.document.getText().split('\n').findIndex((text) => text === '### naive');
    samples.selection = new vscode.Selection(at, 0, at, 0);
    await vscode.commands.executeCommand('minillm.inspectTokens');
    await until('the tokens of the response at the cursor', () => parseTokensUri(vscode.window.activeTextEditor?.document.uri ?? vscode.Uri.file('/'))?.promptId === 'naive');
  });

  it('of two checkpoints are compared in colour', async () => {
    const first = 'step-00000200-a1';
    await vscode.commands.executeCommand('minillm.compareSamples', { dir, promptId: 'phonetics', from: first, to: last });
    await until('the diff', () => vscode.window.tabGroups.activeTabGroup.activeTab?.input instanceof vscode.TabInputTextDiff);
    await until('its text', () => vscode.window.activeTextEditor?.document.languageId === 'minillm-samples');
    await vscode.commands.executeCommand('minillm.inspectTokens');
    const input = await until('the diff of tokens', () => {
      const { activeTab } = vscode.window.tabGroups.activeTabGroup;
      return activeTab?.label === 'phonetics · step 200 ↔ step 1700 · greedy, tokens' && activeTab.input instanceof vscode.TabInputTextDiff && activeTab.input;
    });
    assert.deepEqual(parseTokensUri(input.original), address({ checkpoint: first, promptId: 'phonetics' }));
    assert.deepEqual(parseTokensUri(input.modified), address({ promptId: 'phonetics' }));
  });
});
