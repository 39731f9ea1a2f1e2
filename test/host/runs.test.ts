import assert from 'node:assert/strict';
import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import * as vscode from 'vscode';
import type { Status } from '../../src/contract/generated';
import type { EditorContext } from '../../src/editor/context';
import { honourOpenRequests } from '../../src/editor/demo/openRequest';
import { runDescription, runSpoken } from '../../src/editor/runs/describe';
import { RunRegistry } from '../../src/editor/runs/registry';
import { presentRun, wholeRun } from '../../src/editor/runs/target';
import { RunsTree, type Node } from '../../src/editor/runs/tree';
import { readHistory } from '../../src/rundir/follow';
import { RunDir } from '../../src/rundir/layout';
import { readRun } from '../../src/rundir/runs';
import { python, temporaryFolder } from '../harness/paths';
import { identityOf } from '../harness/processes';
import { activated, inWorkspace, until, useTestPython } from './api';
import { checkpointName, writeRun } from './runFolder';
import { writeTinyWorkspace } from './tinyWorkspace';

const answers = { 50: { distill: 'D IH S T AH L' }, 100: { distill: 'D IH S T IH L' } };

/** Alive as long as the test runs. */
const itself = identityOf(process.pid);

describe('the list of runs', () => {
  const made: { dispose(): void }[] = [];
  let folder: string;
  let registry: RunRegistry;
  let tree: RunsTree;
  let warnings: string[];

  beforeEach(() => {
    folder = temporaryFolder('runs');
    warnings = [];
    made.push((registry = new RunRegistry(() => [folder], (text) => warnings.push(text))), (tree = new RunsTree(registry)));
  });

  afterEach(() => {
    for (const one of made.splice(0).reverse()) one.dispose();
    assert.deepEqual(warnings, []);
  });

  const item = (node: Node): vscode.TreeItem => tree.getTreeItem(node);
  const tooltip = async (node: Node): Promise<vscode.MarkdownString> =>
    (await tree.resolveTreeItem(item(node), node)).tooltip as vscode.MarkdownString;

  it('shows each state with its facts, newest first', async () => {
    writeRun(folder, { id: '20260101-000000-old', name: 'old', state: 'finished', step: 100, total: 100, answers });
    writeRun(folder, { id: '20260102-000000-bad', name: 'bad', state: 'failed', step: 3, total: 100, reason: 'RuntimeError: out of\n memory | [x](command:y) <b>' });
    writeRun(folder, { id: '20260103-000000-new', name: 'new', state: 'running', step: 60, total: 100, eta: 80, process: itself, answers: { 50: answers[50] } });
    await registry.refresh();
    const nodes = await tree.getChildren();
    assert.deepEqual(nodes.map((node) => item(node).label), ['new', 'bad', 'old']);
    const [running, failed, finished] = nodes.map(item);
    assert.match(String(running?.description), /^step 60\/100 · KL 0\.4\d+ · 1 min 20 s left$/);
    assert.equal(running?.contextValue, 'run.active.running');
    assert.match(running.accessibilityInformation?.label ?? '', /^new, running, step 60\/100, KL .*left$/);
    assert.equal(failed?.description, 'failed: RuntimeError: out of memory | [x](command:y) <b>');
    assert.match(String(finished?.description), /^KL 0\.4\d+ · /);
    assert.equal(finished?.contextValue, 'run.ended.finished');
    // What files say is text in a tooltip: never markup, never a command.
    const sheet = await tooltip(nodes[1]!);
    assert.ok(sheet.isTrusted !== true && sheet.supportHtml !== true);
    assert.doesNotMatch(sheet.value, /[^\\]\[x\]\(/);
  });

  it('shows the checkpoints of a run, newest first, the best marked, then config and log', async () => {
    writeRun(folder, { id: '20260101-000000-one', name: 'one', state: 'finished', step: 100, total: 100, answers });
    await registry.refresh();
    const [run] = await tree.getChildren();
    assert.ok(run);
    const children = (await tree.getChildren(run)).map(item);
    assert.deepEqual(children.map(({ label }) => label), ['step 100', 'step 50', 'Config', 'Log']);
    assert.match(String(children[0]?.description), /^KL 0\.4\d+ · exact 50\.0 %$/);
    assert.equal((children[0]?.iconPath as vscode.ThemeIcon).id, 'star-full');
    assert.equal(children[0]?.accessibilityInformation?.label.includes('the best'), true);
    assert.equal(new Set(children.map(({ id }) => id)).size, 4);
  });

  it('says what a run waits for, what is counted down, where a fork comes from, and what guards found', async () => {
    const other = '20260101-000000-other';
    const base = { step: 0, total: 100, process: itself } as const;
    const parent = { run: other, checkpoint: checkpointName(50), path: '/elsewhere' };
    const alert = { kind: 'alert', step: 9, rule: 'repetition', level: 'warning', text: 'Repeats\nitself.', action: 'alert', numbers: { limit: 0.2 }, samples: ['a a\u001b[31m'] };
    writeRun(folder, { ...base, id: '20260105-000000-a', name: 'a', state: 'queued', status: { behind: [other, 'x'] } });
    writeRun(folder, { ...base, id: '20260104-000000-b', name: 'b', state: 'stopping', status: { stopDeadline: Date.now() / 1000 + 3000 } });
    writeRun(folder, { ...base, id: '20260103-000000-c', name: 'c', state: 'running', step: 9, parent, more: [alert, alert] });
    await registry.refresh();
    const shown = new Map(registry.runs.map((run) => [run.summary.name, runDescription(run, new Date())]));
    assert.equal(shown.get('a'), 'waits behind other and 1 more');
    assert.match(shown.get('b') ?? '', /^stopping · harsher means in (49 min|50 min)/);
    assert.match(shown.get('c') ?? '', /^1 alert · step 9\/100 · .*fork of other$/);
    const nodes = await tree.getChildren();
    const node = nodes.find((one) => one.kind === 'run' && one.dir.endsWith('-c'));
    assert.ok(node?.kind === 'run');
    assert.equal((item(node).iconPath as vscode.ThemeIcon).id, 'warning');
    const sheet = (await tooltip(node)).value.replaceAll('&nbsp;', ' ').replaceAll('\\', '');
    assert.match(sheet, /Step 9: Repeats itself\. \(2 times\)/);
    assert.match(sheet, /step 50 of 20260101-000000-other/);
    assert.match(sheet, /Size \| [\d.]+ (?:B|kB)/);
    await vscode.commands.executeCommand('minillm.showAlerts', { dir: node.dir });
    const report = await until('the report', () => vscode.window.activeTextEditor?.document.uri.scheme === 'minillm-report' && vscode.window.activeTextEditor.document);
    assert.match(report.getText(), /limit 0\.200[^]*a a\\u\{1b\}\[31m/);
    await vscode.commands.executeCommand('workbench.action.closeAllEditors');
  });

  it('draws again only what looks different, and keeps its nodes', async () => {
    const spec = { id: '20260103-000000-live', name: 'live', state: 'running', step: 60, total: 100, process: itself, answers } as const;
    writeRun(folder, { id: '20260101-000000-still', name: 'still', state: 'finished', step: 100, total: 100 });
    writeRun(folder, spec);
    await registry.refresh();
    const before = await tree.getChildren();
    for (const node of before) tree.getTreeItem(node);
    const fired: (Node[] | undefined)[] = [];
    made.push(tree.onDidChangeTreeData((nodes) => fired.push(nodes)));
    await registry.refresh();
    assert.deepEqual(fired, []);
    rmSync(path.join(folder, spec.id), { recursive: true });
    writeRun(folder, { ...spec, step: 70 });
    await registry.refresh();
    assert.deepEqual(fired, [[before[0]]]);
    assert.match(String(item(before[0]!).description), /^step 70/);
    rmSync(path.join(folder, spec.id), { recursive: true });
    await registry.refresh();
    assert.equal(fired.at(-1), undefined);
    assert.equal((await tree.getChildren())[0], before[1], 'a node that stays is the same node');
  });

  it('draws a run again that changed while its checkpoints were read', async () => {
    const dir = writeRun(folder, { id: '20260103-000000-live', name: 'live', state: 'running', step: 60, total: 100, process: itself, answers });
    await registry.refresh();
    const [node] = await tree.getChildren();
    const [listed] = registry.runs;
    assert.ok(node && listed);
    assert.match(String(item(node).description), /^step 60/);
    const fired: (Node[] | undefined)[] = [];
    made.push(tree.onDidChangeTreeData((nodes) => fired.push(nodes)));
    // The view asks for checkpoints when the list knows of step 70 already, and the tree has not been told yet.
    const { status, events } = new RunDir(dir);
    writeFileSync(status, JSON.stringify({ ...(JSON.parse(readFileSync(status, 'utf8')) as Status), step: 70 }));
    Object.assign(listed, { summary: await readRun(dir) });
    await tree.getChildren(node);
    appendFileSync(events, `${JSON.stringify({ v: 1, seq: 10_000, t: Date.now() / 1000, attempt: 1, kind: 'message', level: 'info', text: 'news' })}\n`);
    await registry.refresh();
    assert.deepEqual(fired, [[node]]);
    assert.match(String(item(node).description), /^step 70/);
  });

  it('lists a run at work before its long history is read, and then follows it', async function longHistory() {
    this.timeout(60_000);
    const dir = writeRun(folder, { id: '20260103-000000-long', name: 'long', state: 'running', step: 60, total: 300_000, process: itself, answers });
    const { events } = new RunDir(dir);
    const metrics = Object.fromEntries(Array.from({ length: 14 }, (_, n) => [`loss/part${n}`, n + 0.123456789]));
    const step = (seq: number): string => `${JSON.stringify({ v: 1, seq, t: 1, attempt: 1, kind: 'step', step: seq, phase: 0, metrics: { ...metrics, 'kl/reverse': 0.25 } })}\n`;
    for (let seq = 1000; seq < 251_000; seq += 10_000) appendFileSync(events, Array.from({ length: 10_000 }, (_, n) => step(seq + n)).join(''));
    const began = performance.now();
    await registry.refresh();
    const took = performance.now() - began;
    assert.match(registry.runs.map((run) => runDescription(run, new Date())).join(), /^step 60\/300000 · KL 0\.250/);
    assert.ok(took < 2500, `it is there after ${took} ms`);
    await until('its checkpoints', () => registry.get(dir)?.checkpointsSeen === 4);
    assert.deepEqual((await registry.checkpoints(dir)).map(({ name }) => name), [checkpointName(50), checkpointName(100)]);
    const timed = async (work: () => PromiseLike<unknown>): Promise<number> => {
      const start = performance.now();
      await work();
      return performance.now() - start;
    };
    const whole = await timed(() => readHistory(dir));
    const alerts = await timed(() => vscode.commands.executeCommand('minillm.showAlerts', { dir }));
    assert.ok(alerts < whole / 2, `its alerts took ${alerts} ms, its whole history ${whole} ms`);
    await vscode.commands.executeCommand('workbench.action.closeAllEditors');
  });

  it('gives no command a run whose folder is gone, and says so instead', async () => {
    const dir = writeRun(folder, { id: '20260101-000000-one', name: 'one', state: 'finished', step: 100, total: 100 });
    assert.deepEqual(await presentRun(registry, { dir }, ''), { dir });
    renameSync(dir, `${dir}-away`);
    await assert.rejects(presentRun(registry, { dir }, ''), { message: `This run's folder is gone: put it back to ${dir} to see it again.` });
  });

  it('reads on in a run of another machine, and nothing of it twice', async () => {
    const spec = { id: '20260103-000000-far', name: 'far', state: 'running', total: 900, answers: { 50: answers[50] } } as const;
    const dir = writeRun(folder, { ...spec, step: 60, status: { host: 'elsewhere' } });
    await registry.refresh();
    const [node] = await tree.getChildren();
    assert.ok(node);
    assert.match(String(item(node).description), /^unknown · step 60/);
    const rows = async (): Promise<unknown[]> => (await tree.getChildren(node)).map(item).map(({ label }) => label);
    assert.deepEqual(await rows(), ['step 50', 'Config', 'Log']);
    // What was read stays as it was read: whoever reads it again sees what became of it.
    const { events, status } = new RunDir(dir);
    const lines = readFileSync(events, 'utf8').split('\n').slice(0, -1);
    const spoilt = lines.map((line, n) => (n > 0 && n < lines.length - 1 ? 'x'.repeat(line.length) : line));
    const news = { v: 1, seq: 1000, t: 1, attempt: 1, kind: 'checkpoint', step: 70, name: checkpointName(70), path: '', bytes: 1, seconds: 1, phase: 'minillm' };
    writeFileSync(events, [...spoilt, JSON.stringify(news), ''].join('\n'));
    writeFileSync(status, JSON.stringify({ ...(JSON.parse(readFileSync(status, 'utf8')) as Status), step: 70 }));
    await registry.refresh();
    assert.match(String(item(node).description), /^unknown · step 70/);
    assert.deepEqual(await rows(), ['step 70', 'step 50', 'Config', 'Log']);
  });

  it('does not show a folder that a launcher is about to fill, or what is no run', async () => {
    mkdirSync(path.join(folder, '20260101-000000-empty'));
    mkdirSync(path.join(folder, 'notes'));
    writeFileSync(path.join(folder, '20260101-000000-file'), '');
    await registry.refresh();
    assert.deepEqual(registry.runs, []);
  });

  it('keeps its runs while their folder cannot be read, and loses them with the folder', async () => {
    writeRun(folder, { id: '20260101-000000-kept', name: 'kept', state: 'finished', step: 1, total: 1 });
    await registry.refresh();
    const names = (): string[] => registry.runs.map(({ summary }) => summary.name);
    assert.deepEqual(names(), ['kept']);
    const away = `${folder}-away`;
    renameSync(folder, away);
    symlinkSync(folder, folder); // a link to itself can be read by nobody, not even by root
    await registry.refresh();
    await registry.refresh();
    assert.deepEqual(names(), ['kept']);
    assert.deepEqual(warnings.splice(0), [`The runs folder ${folder} cannot be read (ELOOP).`]);
    rmSync(folder);
    await registry.refresh();
    assert.deepEqual(names(), []);
    renameSync(away, folder);
    await registry.refresh();
    assert.deepEqual(names(), ['kept']);
  });

  it('shows a request to open a run once, and obeys none that names anything else', async () => {
    const opened: string[] = [];
    const context = { log: { warn: () => undefined } } as unknown as EditorContext;
    const file = inWorkspace('.minillm', 'open.json');
    const dir = writeRun(folder, { id: '20260101-000000-asked', name: 'asked', state: 'finished', step: 1, total: 1 });
    mkdirSync(path.dirname(file), { recursive: true });
    const ask = async (text: string): Promise<void> => {
      writeFileSync(file, text);
      await honourOpenRequests(context, [folder], (run) => void opened.push(run));
      assert.ok(!existsSync(file), 'the request is still there');
    };
    await ask('{"run":"../../etc","panel":true}');
    await ask('{"run":"20260101-000000-nobody","panel":true}');
    await ask('nonsense');
    assert.equal(opened.length, 0);
    await ask('{"run":"20260101-000000-asked","panel":true}');
    await honourOpenRequests(context, [folder], (run) => void opened.push(run));
    assert.deepEqual(opened, [dir]);
  });

  it('takes nothing away from a run that lives', async () => {
    const dir = writeRun(folder, { id: '20260103-000000-live', name: 'live', state: 'running', step: 60, total: 100, process: itself });
    await activated();
    await vscode.commands.executeCommand('minillm.deleteRun', { dir });
    assert.ok(existsSync(path.join(dir, 'run.json')));
  });

  it('asks a run whose supervisor lives, whatever the settings of this window name', async () => {
    const dir = writeRun(folder, { id: '20260103-000000-asked', name: 'asked', state: 'running', step: 60, total: 100, process: itself });
    await activated();
    const settings = vscode.workspace.getConfiguration('minillm');
    await settings.update('envFile', 'gone.env', vscode.ConfigurationTarget.Workspace);
    try {
      const { control, controlDone } = new RunDir(dir);
      const answered = vscode.commands.executeCommand('minillm.pause', { dir });
      const request = await until('the request', () => readdirSync(control).find((name) => name.endsWith('.json')));
      writeFileSync(path.join(controlDone, request), JSON.stringify({ v: 1, id: path.basename(request, '.json'), verb: 'pause', outcome: 'done', text: 'Paused.', t: 1 }));
      await answered;
    } finally {
      await settings.update('envFile', undefined, vscode.ConfigurationTarget.Workspace);
    }
  });

  it('takes a row of a run for the run only where the row is the run', () => {
    const dir = '/runs/20260103-000000-done';
    for (const row of [{ kind: 'log', dir }, { kind: 'config', dir }, { kind: 'checkpoint', dir, checkpoint: checkpointName(5) }, { dir, checkpoint: checkpointName(5) }]) {
      assert.equal(wholeRun(row), undefined);
    }
    assert.deepEqual([{ kind: 'run', dir }, { dir }, dir].map(wholeRun), [{ dir }, { dir }, { dir }]);
    assert.equal(wholeRun(undefined), undefined);
  });

  it('deletes nothing when what is selected is no run, and asks nothing', async () => {
    const dir = writeRun(inWorkspace('runs'), { id: '20260103-000000-only', name: 'only', state: 'finished', step: 6, total: 6 });
    const api = await activated();
    await until('the run in the list', () => api.runs().some(({ summary }) => summary.dir === dir));
    // Answers at once: a question whether to delete the run would wait.
    await vscode.commands.executeCommand('minillm.deleteRun', { kind: 'log', dir });
    assert.ok(existsSync(dir));
    rmSync(dir, { recursive: true });
    await until('the list without it', () => !api.runs().some(({ summary }) => summary.dir === dir));
  });
});

describe('a run', () => {
  it('goes from config to events, tree and samples, with the real trainer', async function realRun() {
    this.timeout(120_000);
    const api = await activated();
    await useTestPython(python);
    const config = vscode.Uri.file(writeTinyWorkspace(inWorkspace()));
    const dir = await vscode.commands.executeCommand<string | undefined>('minillm.run', config);
    assert.ok(dir !== undefined, 'the command returned no run');
    const listed = await until('the run in the list', () => api.runs().find(({ summary }) => summary.dir === dir));
    assert.equal(listed.summary.name, 'tiny');
    assert.ok(listed.summary.active);
    const ended = await until('the end', () => {
      const run = api.runs().find(({ summary }) => summary.dir === dir);
      return run !== undefined && !run.summary.active && run;
    }, 90_000);
    assert.equal(ended.summary.state, 'finished', `${ended.summary.text}\n${readFileSync(new RunDir(dir).log, 'utf8')}`);
    assert.ok(ended.kl !== undefined && ended.kl.nats > 0);
    assert.match(runDescription(ended, new Date()), /^KL \d/);
    assert.match(runSpoken(ended, new Date()), /^tiny, finished/);

    await vscode.commands.executeCommand('minillm.openSamples', { dir, checkpoint: checkpointName(6) });
    const document = await until('the samples', () => vscode.window.activeTextEditor?.document.uri.scheme === 'minillm' && vscode.window.activeTextEditor.document);
    assert.match(document.getText(), /greedy/);
    await vscode.commands.executeCommand('minillm.compareSamples', { dir, from: checkpointName(2), to: 'teacher' });
    await until('the diff with the teacher', () => vscode.window.tabGroups.activeTabGroup.activeTab?.label === 'tiny: step 2 ↔ teacher');
    await vscode.commands.executeCommand('minillm.copyCheckpointPath', { dir, checkpoint: checkpointName(6) });
    assert.equal(await vscode.env.clipboard.readText(), new RunDir(dir).checkpoint(checkpointName(6)));
    await vscode.commands.executeCommand('minillm.showLog', { dir });
    await until('the log', () => vscode.window.activeTextEditor?.document.uri.fsPath === new RunDir(dir).log);
    await vscode.commands.executeCommand('minillm.collectDiagnostics');
    const report = await until('the diagnostics', () => vscode.workspace.textDocuments.find((one) => one.isUntitled && one.getText().startsWith('MiniLLM diagnostics')));
    for (const part of [path.basename(dir), 'finished', 'torch', python]) assert.ok(report.getText().includes(part), `no ${part} in the diagnostics`);
    await vscode.commands.executeCommand('workbench.action.closeAllEditors');
  });

  it('lies where the setting says, in the folder that Doctor has looked at', async function scratch() {
    this.timeout(120_000);
    const api = await activated();
    await useTestPython(python);
    const folder = temporaryFolder('scratch');
    const settings = vscode.workspace.getConfiguration('minillm');
    await settings.update('runsFolder', folder, vscode.ConfigurationTarget.Workspace);
    try {
      const config = vscode.Uri.file(writeTinyWorkspace(inWorkspace(), { name: 'elsewhere' }));
      await vscode.commands.executeCommand('minillm.doctor');
      const report = (): string | undefined => vscode.workspace.textDocuments.find(({ uri }) => uri.scheme === 'minillm-report' && uri.path.endsWith('Doctor'))?.getText();
      const diskOf = (text: string | undefined): string | undefined => /are free in (.*)\.$/m.exec(text ?? '')?.[1];
      assert.equal(await until('the report', () => diskOf(report())), folder);
      const dir = await vscode.commands.executeCommand<string | undefined>('minillm.run', config);
      assert.equal(dir && path.dirname(dir), folder);
      await until('its end', () => api.runs().some(({ summary }) => summary.dir === dir && summary.state === 'finished'), 90_000);
      // A config that names a folder goes there, and that is where Doctor looks when it is open.
      const named = vscode.Uri.file(inWorkspace('named.minillm.jsonc'));
      writeFileSync(named.fsPath, readFileSync(config.fsPath, 'utf8').replace('{', '{ "runsFolder": "own",'));
      mkdirSync(inWorkspace('own'));
      await vscode.commands.executeCommand('workbench.action.closeAllEditors');
      await vscode.window.showTextDocument(named);
      await vscode.commands.executeCommand('minillm.doctor');
      await until('the report', () => diskOf(report()) === inWorkspace('own'));
    } finally {
      await settings.update('runsFolder', undefined, vscode.ConfigurationTarget.Workspace);
      await vscode.commands.executeCommand('workbench.action.closeAllEditors');
    }
  });

  it('is stopped on request, with a checkpoint @long', async function stopped() {
    this.timeout(120_000);
    const api = await activated();
    await useTestPython(python);
    const config = vscode.Uri.file(writeTinyWorkspace(inWorkspace(), { name: 'long', steps: 2000 }));
    const dir = await vscode.commands.executeCommand<string | undefined>('minillm.run', config);
    assert.ok(dir !== undefined);
    await until('the first steps', () => (api.runs().find(({ summary }) => summary.dir === dir)?.summary.status?.step ?? 0) > 2, 60_000);
    await vscode.commands.executeCommand('minillm.stop', { dir });
    const summary = await until('the end', async () => {
      const now = await readRun(dir);
      return !now.active && now;
    });
    assert.equal(summary.state, 'stopped', summary.text);
    await until('the list to say so', () => api.runs().some((run) => run.summary.dir === dir && run.summary.state === 'stopped'));
  });

  it('that cannot start leaves nothing that looks like a run, and marks the config', async () => {
    const api = await activated();
    const file = writeTinyWorkspace(inWorkspace(), { name: 'broken' });
    writeFileSync(file, readFileSync(file, 'utf8').replace('"labelled.jsonl"', '"nowhere.jsonl"'));
    const uri = vscode.Uri.file(file);
    assert.equal(await vscode.commands.executeCommand('minillm.run', uri), undefined);
    await until('the problem', () => vscode.languages.getDiagnostics(uri).some(({ message }) => message.includes('nowhere.jsonl')));
    // A document that nobody sees takes its problems along.
    const tabs = (): readonly vscode.Tab[] => vscode.window.tabGroups.all.flatMap((group) => group.tabs);
    await until('the config in an editor', () => tabs().some(({ input }) => input instanceof vscode.TabInputText && input.uri.fsPath === file));
    await vscode.commands.executeCommand('workbench.action.closeAllEditors');
    assert.deepEqual(api.runs().filter(({ summary }) => summary.name === 'broken'), []);
    assert.deepEqual(readdirSync(inWorkspace('runs')).filter((name) => name.includes('broken') || name.startsWith('.launch')), []);
  });
});
