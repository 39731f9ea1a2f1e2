// Run folders from strangers: what they hold is data, and nothing in it leads out of the folder or holds up its reader.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Config } from '../../../src/contract/generated';
import { adoptRun, needsSupervisor } from '../../../src/launch/adopt';
import { changesOf } from '../../../src/launch/dataFiles';
import { forkRun } from '../../../src/launch/fork';
import { foreignCode, resumeRun } from '../../../src/launch/resume';
import { listCheckpoints } from '../../../src/rundir/checkpoints';
import { takeSpare } from '../../../src/rundir/clean';
import { sendControl } from '../../../src/rundir/control';
import { findRun } from '../../../src/rundir/find';
import { RunFollower } from '../../../src/rundir/follow';
import { readJournal } from '../../../src/rundir/journal';
import { isCheckpointName, isRunId, newRunId } from '../../../src/rundir/layout';
import { thisMachine } from '../../../src/rundir/liveness';
import { LinkedFolder } from '../../../src/rundir/ownFolder';
import { readEnd } from '../../../src/rundir/plainFile';
import { listRuns, readRun } from '../../../src/rundir/runs';
import { readSamples, sampledCheckpoints } from '../../../src/rundir/samples';
import { listSides } from '../../../src/rundir/sides';
import { readTokenIndex } from '../../../src/rundir/tokens';
import { repo, temporaryFolder } from '../../harness/paths';
import { identityOf } from '../../harness/processes';

const ID = '20261124-223702-pronounce';
const OUT = ['../x', '..', '.', '/etc/passwd', `../${ID}`, `${ID}/../..`, `${ID}\0`, `${ID}\n`, 'C:\\x', '', `${ID}/.`, '20261124-223702-ä', `20261124-223702-${'x'.repeat(80)}`];

describe('a run folder from a stranger', () => {
  let folder: string;
  let dir: string;

  beforeEach(() => {
    folder = temporaryFolder('hostile');
    dir = path.join(folder, ID);
    cpSync(path.join(repo, 'test', 'fixtures', 'runs', ID), dir, { recursive: true });
  });

  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it('has no id, checkpoint or address that leads anywhere else', async () => {
    for (const name of OUT) {
      assert.equal(isRunId(name), false, name);
      assert.equal(isCheckpointName(name), false, name);
      await assert.rejects(readSamples(dir, name), name);
    }
    for (const name of ['../..', '\0', '', '<b>', '$(x)', 'ü', '.']) assert.ok(isRunId(newRunId(name, new Date())), name);
    await assert.rejects(findRun(folder, '../../etc'));
    await assert.rejects(findRun(folder, '%2e%2e'));
  });

  it('shows nothing that a link in it points to', async () => {
    const secret = path.join(folder, 'secret');
    const sample = { promptId: 'p', prompt: 'p', draw: 0, text: 'outside', references: [], score: {} };
    writeFileSync(secret, `${JSON.stringify({ v: 1, seq: 0, t: 1, attempt: 1, kind: 'message', level: 'info', ...sample })}\n`);
    for (const name of ['run.json', 'status.json', 'events.jsonl', 'journal.jsonl', 'samples/teacher.jsonl', 'checkpoints/step-00000001-a1']) {
      const file = path.join(dir, name);
      mkdirSync(path.dirname(file), { recursive: true });
      rmSync(file, { recursive: true, force: true });
      symlinkSync(secret, file);
    }
    const summary = await readRun(dir);
    assert.match(summary.problem ?? '', /run\.json cannot be read \(it is not a plain file\)/);
    assert.equal(summary.run, undefined);
    const follower = new RunFollower(dir);
    await follower.refresh();
    follower.dispose();
    assert.deepEqual(follower.history.messages, []);
    assert.deepEqual(await readJournal(dir), []);
    await assert.rejects(readSamples(dir, 'teacher'));
    assert.ok((await listCheckpoints(dir)).every(({ name }) => name !== 'step-00000001-a1'));
  });

  it('is not read, asked or cleaned through a folder that is a link, and says so', async () => {
    const outside = path.join(folder, 'outside');
    for (const name of ['samples', 'checkpoints', 'control']) {
      mkdirSync(path.join(dir, name), { recursive: true });
      cpSync(path.join(dir, name), path.join(outside, name), { recursive: true });
      rmSync(path.join(dir, name), { recursive: true, force: true });
      mkdirSync(path.join(outside, name, 'step-00000001-a1'), { recursive: true });
      symlinkSync(path.join(outside, name), path.join(dir, name));
    }
    const before = readdirSync(outside, { recursive: true }).sort();
    assert.match((await readRun(dir)).problem ?? '', /^checkpoints and control and samples in its folder are links: nothing is read/);
    assert.deepEqual(await listCheckpoints(dir), []);
    assert.deepEqual(await sampledCheckpoints(dir), []);
    assert.deepEqual(await listSides(dir), []);
    await assert.rejects(readSamples(dir, 'teacher'), LinkedFolder);
    await assert.rejects(readTokenIndex(dir, 'teacher'), LinkedFolder);
    await assert.rejects(sendControl(dir, 'stop', 'test'), /is a link/);
    assert.deepEqual((await takeSpare(dir)).checkpoints, []);
    const status = JSON.parse(readFileSync(path.join(dir, 'status.json'), 'utf8')) as object;
    writeFileSync(path.join(dir, 'status.json'), JSON.stringify({ ...status, state: 'stopped' }));
    await assert.rejects(resumeRun({ dir, trainerSource: path.join(repo, 'trainer'), workspace: folder }), /is not resumed: checkpoints and control/);
    assert.deepEqual(readdirSync(outside, { recursive: true }).sort(), before);
  });

  it('names no interpreter: neither its own nor that of a workspace that it names is run', async () => {
    const hostile = path.join(folder, 'hostile workspace');
    const own = path.join(hostile, '.venv', 'bin', 'python');
    const ran = path.join(folder, 'ran');
    mkdirSync(path.dirname(own), { recursive: true });
    writeFileSync(own, `#!/bin/sh\ntouch '${ran}'\n`, { mode: 0o755 });
    type Json = Readonly<Record<string, object>>;
    const read = (name: string): Json => JSON.parse(readFileSync(path.join(dir, name), 'utf8')) as Json;
    const run = read('run.json');
    writeFileSync(path.join(dir, 'run.json'), JSON.stringify({
      ...run, workspace: hostile, dataFiles: [], modelFiles: [], environment: { ...run['environment'], python: own },
    }));
    const checkpoint = path.join(dir, 'checkpoints', 'step-00000001-a1');
    mkdirSync(checkpoint, { recursive: true });
    const options = {
      dir, workspace: folder, trainerSource: path.join(repo, 'trainer'), cache: path.join(folder, 'cache'), env: { PATH: '/nowhere', HOME: folder },
    };
    const status = read('status.json');
    const tell = (fields: object): void => writeFileSync(path.join(dir, 'status.json'), JSON.stringify({ ...status, ...fields }));
    tell({ state: 'stopped' });
    await assert.rejects(resumeRun(options), /No Python was found/);
    await assert.rejects(forkRun({ ...options, from: 'last' }), /No Python was found/);
    const trainer = spawn('sleep', ['60']);
    try {
      await once(trainer, 'spawn');
      const { host, bootId, pidNamespace = null } = thisMachine();
      const now = Date.now() / 1000;
      tell({ state: 'running', host, bootId, pidNamespace, heartbeat: now, nextHeartbeatBy: now + 5, supervisor: null, trainer: identityOf(trainer.pid!) });
      assert.equal((await readRun(dir)).state, 'stalled');
      await assert.rejects(adoptRun(options), /No Python was found/);
    } finally {
      trainer.kill();
    }
    assert.equal(existsSync(ran), false);
  });

  it('starts no trainer by a status that has none, and an end that was not written down', async () => {
    const { host, bootId, pidNamespace = null } = thisMachine();
    const now = Date.now() / 1000;
    const file = path.join(dir, 'status.json');
    const status = {
      ...(JSON.parse(readFileSync(file, 'utf8')) as object), state: 'running', attempt: 1, host, bootId, pidNamespace, heartbeat: now,
      nextHeartbeatBy: now + 5, supervisor: null, trainer: null,
    };
    writeFileSync(file, JSON.stringify(status));
    writeFileSync(path.join(dir, 'exit.json'), JSON.stringify({ v: 1, run: ID, attempt: 1, t: now, exitCode: 1, reason: 'failed', cause: null }));
    const summary = await readRun(dir);
    assert.equal(summary.state, 'failed');
    assert.equal(needsSupervisor(summary), undefined);
  });

  it('names the code that its models would run, before it is resumed', async () => {
    const file = path.join(dir, 'run.json');
    const record = JSON.parse(readFileSync(file, 'utf8')) as { config: Config };
    assert.deepEqual(foreignCode(record.config), []);
    record.config.teacher.trustRemoteCode = record.config.student.allowPickle = true;
    writeFileSync(file, JSON.stringify(record));
    const { run } = await readRun(dir);
    assert.deepEqual(run && foreignCode(run.config), [
      `"trustRemoteCode" for the teacher ${record.config.teacher.model}`, `"allowPickle" for the student ${record.config.student.model}`,
    ]);
  });

  it('may lie behind a link itself: that is its owner\'s choice', async () => {
    const link = path.join(folder, `${ID.slice(0, -1)}x`);
    symlinkSync(dir, link);
    assert.equal((await readRun(link)).problem, undefined);
    assert.ok((await sampledCheckpoints(link)).length > 0);
    assert.ok((await readSamples(link, 'teacher')).length > 0);
  });

  it('holds up nobody with pipes in place of its files, or with files of any size', async function pipes() {
    this.timeout(5000);
    for (const name of ['status.json', 'events.jsonl', 'journal.jsonl', 'samples/teacher.jsonl']) {
      rmSync(path.join(dir, name), { force: true });
      execFileSync('mkfifo', [path.join(dir, name)]);
    }
    truncateSync(path.join(dir, 'run.json'), 5 << 30); // sparse: it takes up nothing
    const summary = await readRun(dir);
    assert.match(summary.problem ?? '', /run\.json cannot be read \(it has more than 4 MB\)/);
    const follower = new RunFollower(dir);
    await follower.refresh();
    follower.dispose();
    assert.deepEqual(await readJournal(dir), []);
    await assert.rejects(readSamples(dir, 'teacher'));
    assert.equal((await listRuns(folder)).length, 1);
    const pipe = path.join(dir, 'status.json');
    await assert.rejects(readEnd(pipe, 10), /not a plain file/);
    assert.match((await changesOf([{ path: pipe, bytes: 0, sha256: '' }])).join(), /cannot be read any more \(not a file\)/);
  });
});
