import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import * as vscode from 'vscode';
import { runDescription } from '../../src/editor/runs/describe';
import { wasCutOff } from '../../src/editor/runs/afterRestart';
import { listCheckpoints } from '../../src/rundir/checkpoints';
import { RunDir } from '../../src/rundir/layout';
import { processAlive, thisMachine } from '../../src/rundir/liveness';
import { readRun, type RunSummary } from '../../src/rundir/runs';
import { RunFollower } from '../../src/rundir/follow';
import { python } from '../harness/paths';
import { activated, inWorkspace, until, useTestPython } from './api';
import { writeTinyWorkspace } from './tinyWorkspace';

describe('a run that is controlled from the editor', function suite() {
  this.timeout(150_000);
  let dir: string;
  let config: vscode.Uri;

  before(async () => {
    await activated();
    await useTestPython(python);
    config = vscode.Uri.file(writeTinyWorkspace(inWorkspace(), { name: 'controlled', steps: 3000 }));
    const started = await vscode.commands.executeCommand<string | undefined>('minillm.run', config);
    assert.ok(started !== undefined);
    dir = started;
    await until('the first steps', async () => ((await readRun(dir)).status?.step ?? 0) > 2, 90_000);
  });

  after(async () => {
    await vscode.commands.executeCommand('workbench.action.closeAllEditors');
    const { status, active } = await readRun(dir);
    if (active && status?.trainer) process.kill(-status.trainer.pid, 'SIGKILL');
  });

  const state = async (wanted: RunSummary['state']): Promise<RunSummary> => until(`the run to be ${wanted}`, async () => {
    const summary = await readRun(dir);
    return summary.state === wanted && summary;
  }, 60_000);

  it('pauses, keeps a checkpoint, evaluates and goes on @long', async () => {
    await vscode.commands.executeCommand('minillm.pause', { dir });
    const paused = await state('paused');
    const before = (await listCheckpoints(dir)).length;
    await vscode.commands.executeCommand('minillm.saveCheckpoint', { dir });
    assert.equal((await listCheckpoints(dir)).at(-1)?.step, paused.status?.step);
    assert.ok((await listCheckpoints(dir)).length >= before);
    await vscode.commands.executeCommand('minillm.evaluate', { dir });
    const follower = new RunFollower(dir);
    await follower.refresh();
    follower.dispose();
    assert.ok(follower.history.evaluations.some(({ step, subject }) => subject === 'student' && step === paused.status?.step));
    await vscode.commands.executeCommand('minillm.continue', { dir });
    await until('steps after the pause', async () => ((await readRun(dir)).status?.step ?? 0) > (paused.status?.step ?? 0), 60_000);
  });

  it('gets a new supervisor when its own is killed, without anybody asking', async () => {
    const { status } = await readRun(dir);
    const [supervisor, trainer] = [status?.supervisor, status?.trainer];
    assert.ok(supervisor && trainer);
    process.kill(supervisor.pid, 'SIGKILL');
    const adopted = await until('another supervisor', async () => {
      const now = (await readRun(dir)).status;
      return now?.supervisor?.pid !== supervisor.pid && (await processAlive(now?.supervisor)) && now;
    }, 40_000);
    assert.deepEqual(adopted.trainer, trainer, 'the trainer went on');
  });

  it('is stopped', async () => {
    await vscode.commands.executeCommand('minillm.stop', { dir });
    await state('stopped');
  });

  it('is resumed, and goes on from its checkpoint @long', async () => {
    const stopped = await readRun(dir);
    assert.equal(await vscode.commands.executeCommand('minillm.resume', { dir }), dir);
    const going = await until('steps of the second attempt', async () => {
      const summary = await readRun(dir);
      return summary.state === 'running' && (summary.status?.step ?? 0) > (stopped.status?.step ?? 0) && summary;
    }, 60_000);
    assert.equal(going.status?.attempt, 2);
    await vscode.commands.executeCommand('minillm.stop', { dir });
    await state('stopped');
  });

  it('is forked: a config opens that starts from its checkpoint, and the new run tells where it comes from', async () => {
    const api = await activated();
    const checkpoint = (await listCheckpoints(dir)).find(({ step }) => step >= 2)?.name;
    const draft = await vscode.commands.executeCommand<vscode.Uri | undefined>('minillm.fork', { dir, checkpoint });
    assert.ok(draft);
    assert.equal(vscode.window.activeTextEditor?.document.uri.fsPath, draft.fsPath);
    assert.equal(path.dirname(draft.fsPath), path.dirname(config.fsPath));
    const text = readFileSync(draft.fsPath, 'utf8');
    assert.match(text, /"name": "controlled-fork"/);
    assert.match(text, /^\/\/ Forked from \d{8}-\d{6}-controlled/);
    assert.doesNotMatch(text, /"sft"/, 'the phase that was done is left out');
    const lenses = await vscode.commands.executeCommand<vscode.CodeLens[]>('vscode.executeCodeLensProvider', draft, 10);
    assert.ok(lenses.some(({ command }) => /Run from step \d+ of controlled/.test(command?.title ?? '')), lenses.map(({ command }) => command?.title).join());
    await vscode.workspace.fs.writeFile(draft, Buffer.from(text.replace('"steps": 3000', '"steps": 2')));
    await until('the shorter config', () => vscode.window.activeTextEditor?.document.getText().includes('"steps": 2'));
    const child = await vscode.commands.executeCommand<string | undefined>('minillm.run', draft);
    assert.ok(child);
    const { run } = await readRun(child);
    assert.deepEqual(run?.parent, { run: new RunDir(dir).id, checkpoint, path: dir });
    const listed = await until('its end', () => api.runs().find(({ summary }) => summary.dir === child && !summary.active), 60_000);
    assert.equal(listed.summary.state, 'finished', listed.summary.text);
    assert.match(runDescription(listed, new Date()), /fork of controlled/);
  });

  it('that the machine cut off by a restart is told from one that was lost otherwise', async () => {
    const summary = await readRun(dir);
    assert.ok(summary.status);
    const machine = { host: summary.status.host, bootId: 'after', pidNamespace: thisMachine().pidNamespace };
    assert.equal(wasCutOff({ ...summary, state: 'lost' }, machine), true);
    assert.equal(wasCutOff({ ...summary, state: 'lost' }, { ...machine, bootId: summary.status.bootId }), false);
    assert.equal(wasCutOff({ ...summary, state: 'lost' }, { ...machine, host: 'elsewhere' }), false);
    assert.equal(wasCutOff(summary, machine), false, 'it was stopped before the restart');
  });
});
