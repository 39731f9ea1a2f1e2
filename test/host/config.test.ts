import assert from 'node:assert/strict';
import { copyFileSync, cpSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import * as vscode from 'vscode';
import { python, repo } from '../harness/paths';
import { activated, inWorkspace, until, useTestPython } from './api';

const GOOD = `{
  // A comment, as configs have them.
  "name": "good",
  "teacher": { "model": "./teacher" },
  "student": { "model": "./student", "init": "random", "tokenizer": "teacher" },
  "data": { "train": "train.jsonl", "validation": "valid.jsonl", "maxPromptTokens": 16, "maxNewTokens": 18 },
  "phases": [{ "method": "minillm", "steps": 2 }],
}
`;

function write(name: string, text: string): vscode.Uri {
  const file = inWorkspace(name);
  writeFileSync(file, text);
  return vscode.Uri.file(file);
}

async function show(name: string, text: string): Promise<vscode.TextEditor> {
  return vscode.window.showTextDocument(await vscode.workspace.openTextDocument(write(name, text)));
}

const ours = (uri: vscode.Uri): vscode.Diagnostic[] => vscode.languages.getDiagnostics(uri).filter(({ source }) => source === 'MiniLLM');

/** The text that a diagnostic of this message marks. */
async function marked(editor: vscode.TextEditor, message: RegExp): Promise<string> {
  const { document } = editor;
  const found = await until(`a problem like ${message}`, () => ours(document.uri).find((one) => message.test(one.message)));
  return document.getText(found.range);
}

describe('config', () => {
  before(async () => {
    await activated();
    await useTestPython(python);
    for (const folder of ['teacher', 'student']) cpSync(path.join(repo, 'demo', folder), inWorkspace(folder), { recursive: true });
    writeFileSync(inWorkspace('train.jsonl'), '{"prompt":"d o g :","response":"D AO G"}\n'.repeat(20));
    writeFileSync(inWorkspace('valid.jsonl'), '{"prompt":"c a t :","response":"K AE T"}\n'.repeat(20));
  });

  afterEach(() => vscode.commands.executeCommand('workbench.action.closeAllEditors'));

  it('is taken for JSON with comments, and finds no fault in a good config', async () => {
    const { document } = await show('good.minillm.jsonc', GOOD);
    assert.equal(document.languageId, 'jsonc');
    // A fault that comes and goes proves that the check has been made.
    const train = async (file: string): Promise<void> => {
      const edit = new vscode.WorkspaceEdit();
      const { range, text } = document.lineAt(5);
      edit.replace(document.uri, range, text.replace(/"train": "[^"]*"/, `"train": "${file}"`));
      await vscode.workspace.applyEdit(edit);
      await document.save();
    };
    await train('nowhere.jsonl');
    await until('the missing file', () => ours(document.uri).some(({ message }) => message.includes('nowhere.jsonl')));
    await train('train.jsonl');
    await until('a config without faults', () => ours(document.uri).length === 0);
    assert.deepEqual(vscode.languages.getDiagnostics(document.uri).map(({ message }) => message), []);
  });

  it('marks syntax while one types, without a save', async () => {
    const editor = await show('typed.minillm.jsonc', GOOD);
    await editor.edit((edit) => edit.replace(new vscode.Range(2, 8, 2, 9), ''));
    await until('a problem with the colon', () => ours(editor.document.uri).some(({ message }) => message === 'A colon is expected here.'));
    assert.ok(editor.document.isDirty);
    await vscode.commands.executeCommand('workbench.action.files.revert');
  });

  it('marks what is wrong where it is wrong', async () => {
    const unknown = await show('unknown.minillm.jsonc', GOOD.replace('"name": "good"', '"name": "good", "colour": "red"'));
    assert.match(await marked(unknown, /colour/), /^"colour"/);
    const zero = await show('zero.minillm.jsonc', GOOD.replace('"steps": 2', '"steps": 0'));
    assert.match(await marked(zero, /steps/), /^"steps": 0/);
    const missing = await show('missing.minillm.jsonc', GOOD.replace('./student', './nobody'));
    assert.match(await marked(missing, /nobody/), /^"model": ".\/nobody"/);
  });

  it('tells each problem once', async () => {
    const wrong = GOOD.replace('"name": "good"', '"name": "good", "colour": "red", "preset": "best", "seed": "x"').replace('"steps": 2', '"steps": 0, "stepps": 1');
    const { document } = await show('several.minillm.jsonc', wrong);
    await until('the problems', () => ours(document.uri).length >= 4);
    // The JSON service speaks when it has started, if it has anything to say.
    await until('its completions', async () => {
      const list = await vscode.commands.executeCommand<vscode.CompletionList>('vscode.executeCompletionItemProvider', document.uri, new vscode.Position(5, 0));
      return list.items.length > 0;
    });
    await sleep(1000);
    assert.deepEqual(vscode.languages.getDiagnostics(document.uri).filter(({ source }) => source !== 'MiniLLM').map(({ message }) => message), []);
  });

  it('leads from a bad row of data to its line', async () => {
    copyFileSync(inWorkspace('train.jsonl'), inWorkspace('torn.jsonl'));
    writeFileSync(inWorkspace('torn.jsonl'), 'not json\n', { flag: 'a' });
    const { document } = await show('torn.minillm.jsonc', GOOD.replace('"train": "train.jsonl"', '"train": "torn.jsonl"'));
    const problem = await until('the torn row', () => ours(document.uri).find(({ relatedInformation }) => relatedInformation?.length === 1));
    const place = problem.relatedInformation?.[0]?.location;
    assert.equal(path.basename(place?.uri.fsPath ?? ''), 'torn.jsonl');
    assert.equal(place?.range.start.line, 20);
    assert.match(document.getText(problem.range), /torn\.jsonl/);
  });

  it('completes keys and values, and says what they mean, from the schema', async () => {
    const { document } = await show('help.minillm.jsonc', GOOD.replace('"name": "good",', '"name": "good",\n  \n  "device": "",'));
    const complete = async (line: number, character: number): Promise<string[]> => {
      const list = await vscode.commands.executeCommand<vscode.CompletionList>('vscode.executeCompletionItemProvider', document.uri, new vscode.Position(line, character));
      return list.items.map(({ label }) => (typeof label === 'string' ? label : label.label));
    };
    // The JSON service starts when the first JSON file opens.
    const keys = await until('keys', async () => {
      const labels = await complete(3, 2);
      return labels.includes('checkpoints') && labels;
    });
    assert.ok(keys.includes('preset') && keys.includes('seed'), keys.join(', '));
    assert.ok(!keys.includes('teacher'), 'a key that is there already is not offered');
    const values = await complete(4, 13);
    for (const value of ['"auto"', '"cuda"', '"cpu"']) assert.ok(values.includes(value), values.join(', '));
    const hovers = await vscode.commands.executeCommand<vscode.Hover[]>('vscode.executeHoverProvider', document.uri, new vscode.Position(4, 5));
    const text = hovers.flatMap(({ contents }) => contents.map((one) => (one instanceof vscode.MarkdownString ? one.value : ''))).join('\n');
    assert.match(text, /Where to compute/);
  });

  it('mends a key that was meant otherwise, by one action', async () => {
    const { document } = await show('slip.minillm.jsonc', GOOD.replace('"phases"', '"phasess"'));
    const problem = await until('the problem', () => ours(document.uri).find(({ message }) => message.includes('did you mean "phases"')));
    const actions = await vscode.commands.executeCommand<vscode.CodeAction[]>('vscode.executeCodeActionProvider', document.uri, problem.range);
    const action = actions.find(({ title }) => title === 'Change to "phases"');
    assert.ok(action?.edit, actions.map(({ title }) => title).join());
    await vscode.workspace.applyEdit(action.edit);
    await document.save();
    await until('a config without faults', () => ours(document.uri).length === 0);
  });

  it('looks at models and data when asked above the name, marks what they show, and mends it by one action', async function test() {
    this.timeout(120_000);
    const { document } = await show('cut.minillm.jsonc', GOOD.replace('"maxNewTokens": 18', '"maxNewTokens": 2'));
    const lenses = await vscode.commands.executeCommand<vscode.CodeLens[]>('vscode.executeCodeLensProvider', document.uri, 10);
    const check = lenses.find(({ command }) => command?.command === 'minillm.checkConfig');
    assert.equal(check?.range.start.line, 2);
    await vscode.commands.executeCommand('minillm.checkConfig', ...((check.command?.arguments ?? []) as unknown[]));
    const cut = ours(document.uri).find(({ message }) => message.includes('valid.jsonl are cut off at data.maxNewTokens = 2'));
    assert.equal(cut?.severity, vscode.DiagnosticSeverity.Warning, ours(document.uri).map(({ message }) => message).join('\n'));
    assert.equal(document.getText(cut.range), '"maxNewTokens": 2');
    assert.equal(cut.relatedInformation?.[0]?.location.range.start.line, 0);
    const actions = await vscode.commands.executeCommand<vscode.CodeAction[]>('vscode.executeCodeActionProvider', document.uri, cut.range);
    const action = actions.find(({ title }) => title === 'Set data.maxNewTokens to 8');
    assert.ok(action?.edit, actions.map(({ title }) => title).join());
    await vscode.workspace.applyEdit(action.edit);
    assert.ok(document.getText().includes('"maxPromptTokens": 16, "maxNewTokens": 8 }'));
    await until('the note to be gone', () => !ours(document.uri).some(({ message }) => message.includes('cut off')));
    await document.save();
  });

  it('marks what is wrong with it only once its models are loaded @long', async function test() {
    this.timeout(120_000);
    const { document } = await show('context.minillm.jsonc', GOOD.replace('"maxNewTokens": 18', '"maxNewTokens": 62'));
    await vscode.commands.executeCommand('minillm.checkConfig', document.uri);
    const problem = ours(document.uri).find(({ severity }) => severity === vscode.DiagnosticSeverity.Error);
    assert.match(problem?.message ?? '', /more than the \d+ positions of teacher or student; lower data\.maxNewTokens/);
    assert.equal(problem && document.getText(problem.range), '"maxNewTokens": 62');
  });

  it('marks lengths that its models have no positions for before any is loaded, and lowers them by one action', async () => {
    const { document } = await show('long.minillm.jsonc', GOOD.replace('"maxNewTokens": 18', '"maxNewTokens": 4000'));
    const problem = await until('the problem', () => ours(document.uri).find(({ message }) => message.includes('no room for a prompt in the 64 positions')));
    assert.equal(problem.severity, vscode.DiagnosticSeverity.Error);
    assert.equal(document.getText(problem.range), '"maxNewTokens": 4000');
    const actions = await vscode.commands.executeCommand<vscode.CodeAction[]>('vscode.executeCodeActionProvider', document.uri, problem.range);
    const action = actions.find(({ title }) => title === 'Set data.maxNewTokens to 48');
    assert.ok(action?.edit, actions.map(({ title }) => title).join());
    await vscode.workspace.applyEdit(action.edit);
    await document.save();
    await until('a config without faults', () => ours(document.uri).length === 0);
  });

  it('offers to run above the name', async () => {
    const { document } = await show('lens.minillm.jsonc', GOOD);
    const lenses = await vscode.commands.executeCommand<vscode.CodeLens[]>('vscode.executeCodeLensProvider', document.uri, 10);
    const run = lenses.find(({ command }) => command?.command === 'minillm.run');
    assert.equal(run?.range.start.line, 2);
    assert.deepEqual(run.command?.arguments, [document.uri]);
  });
});
