import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { Process } from '../../../src/contract/generated';
import { findRun } from '../../../src/rundir/find';
import { whyNoControl, whyNotDelete } from '../../../src/rundir/guard';
import { processAlive, thisMachine } from '../../../src/rundir/liveness';
import { listRuns, readRun } from '../../../src/rundir/runs';
import { temporaryFolder } from '../../harness/paths';
import { identityOf } from '../../harness/processes';

function statusOf(id: string, fields: Record<string, unknown>): Record<string, unknown> {
  const now = Date.now() / 1000;
  return {
    v: 1, run: id, state: 'running', attempt: 1, host: os.hostname(), bootId: thisMachine().bootId, supervisor: null, trainer: null,
    phase: 'sft', step: 4, total: 10, eta: null, activity: null, started: now - 60, heartbeat: now, nextHeartbeatBy: now + 60, stopDeadline: null, exitCode: null, reason: null, ...fields,
  };
}

describe('runs on disk', () => {
  let folder: string;
  let child: ChildProcess;
  let living: Process;

  before(async () => {
    child = spawn('sleep', ['60']);
    await once(child, 'spawn');
    living = identityOf(child.pid!);
  });
  after(() => child.kill());
  beforeEach(() => (folder = temporaryFolder('runs')));
  afterEach(() => rmSync(folder, { recursive: true }));

  function make(id: string, fields?: Record<string, unknown>, run: unknown = { v: 1, id, name: id.slice(16), created: 1 }): string {
    const dir = path.join(folder, id);
    mkdirSync(dir);
    writeFileSync(path.join(dir, 'run.json'), typeof run === 'string' ? run : JSON.stringify(run));
    if (fields) writeFileSync(path.join(dir, 'status.json'), JSON.stringify(statusOf(id, fields)));
    return dir;
  }

  it('tells a living process from a dead one, and from another with its number', async () => {
    assert.ok(await processAlive(living));
    assert.equal(await processAlive({ ...living, startTime: '1' }), false);
    assert.equal(await processAlive({ pid: 2 ** 22 + 1, startTime: living.startTime }), false);
    assert.equal(await processAlive(null), false);
  });

  it('tells them apart by ps, too, without holding up anybody or asking it for each look', async () => {
    const env = { LC_ALL: 'C', TZ: 'UTC' };
    const startTime = execFileSync('/bin/ps', ['-o', 'lstart=', '-p', String(living.pid)], { encoding: 'utf8', env });
    const began = performance.now();
    const looks = Promise.all(Array.from({ length: 200 }, () => processAlive({ ...living, startTime }, 'darwin')));
    assert.ok(performance.now() - began < 100, 'to ask is not to wait');
    assert.ok((await looks).every(Boolean));
    assert.ok(performance.now() - began < 1000, `${performance.now() - began} ms for 200 looks`);
    assert.equal(await processAlive({ ...living, startTime: 'Sat Nov 25 00:00:00 1995' }, 'darwin'), false);
    assert.equal(await processAlive({ pid: 2 ** 22 + 1, startTime }, 'darwin'), false);
  });

  it('names the boot by what no correction of the clock moves', () => {
    assert.match(thisMachine().bootId, /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i);
  });

  it('takes a zombie for dead', async () => {
    // A shell that starts a child and then becomes a program that never collects it. The child outlives the shell, which might.
    const shell = spawn('sh', ['-c', 'sleep 0.3 & echo $!; exec sleep 60']);
    const [output] = (await once(shell.stdout, 'data')) as [Buffer];
    const pid = Number(output.toString());
    const isZombie = (): boolean => readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ');
    while (!isZombie()) await new Promise((resolve) => setTimeout(resolve, 10));
    assert.equal(await processAlive(identityOf(pid)), false);
    shell.kill();
  });

  it('reads the state of each from its facts', async () => {
    assert.equal((await readRun(make('20260101-000000-a', { supervisor: living, trainer: living }))).state, 'running');
    assert.equal((await readRun(make('20260101-000000-b', { supervisor: { ...living, startTime: '1' }, trainer: living }))).state, 'stalled');
    assert.equal((await readRun(make('20260101-000000-c', {}))).state, 'lost');
    assert.equal((await readRun(make('20260101-000000-d', { host: 'elsewhere', supervisor: living }))).state, 'unknown');
    assert.equal((await readRun(make('20260101-000000-e', { bootId: 'before', supervisor: living, trainer: living }))).state, 'lost');
    assert.equal((await readRun(make('20260101-000000-f', { state: 'finished' }))).state, 'finished');
    assert.equal((await readRun(make('20260101-000000-g'))).state, 'lost');
  });

  it('tells a folder that is gone from one of which nothing was written', async () => {
    const dir = make('20260101-000000-a', { state: 'finished' });
    const told = async (): Promise<unknown[]> => {
      const { state, active, gone, text } = await readRun(dir);
      return [state, active, gone, text];
    };
    for (const name of ['run.json', 'status.json']) rmSync(path.join(dir, name));
    assert.deepEqual(await told(), ['lost', false, false, 'The supervisor never wrote a status: the launch was interrupted. The log may say why.']);
    rmSync(dir, { recursive: true });
    assert.deepEqual(await told(), ['lost', false, true, `This run's folder is gone: put it back to ${dir} to see it again.`]);
    assert.equal((await readRun(path.join(folder, '29990101-000000-soon'))).active, false, 'not even one of which the launch would have just begun');
  });

  it('never fails for what lies in a folder, and says what it could not use', async () => {
    const dir = make('20260101-000000-a', undefined, '{"id":');
    for (const text of [
      '', '{', '[]', 'null', '{"state":"running"}', JSON.stringify(statusOf('a', { state: 'dancing' })), JSON.stringify(statusOf('a', { supervisor: 'me' })),
      JSON.stringify(statusOf('a', { trainer: { pid: 1 } })), JSON.stringify(statusOf('a', { v: 99 })), `"${'x'.repeat(5 << 20)}"`, Buffer.from([0xff, 0xfe]).toString('latin1'),
    ]) {
      writeFileSync(path.join(dir, 'status.json'), text);
      const summary = await readRun(dir);
      assert.deepEqual([summary.state, summary.forsaken], ['unknown', false], text.slice(0, 80));
      assert.match(summary.text, /^status\.json (cannot be (used|read)|lacks).*\. Whether the run is at work cannot be known\.$/);
      assert.equal(whyNotDelete(summary), summary.text);
      assert.match(summary.problem ?? '', /^run\.json /);
      assert.equal(summary.name, '20260101-000000-a');
    }
  });

  it('lists the newest first, and nothing that is no run', async () => {
    for (const id of ['20260101-000000-a', '20260301-000000-c', '20260201-000000-b']) make(id, undefined, '{}');
    for (const name of ['.launch-1', 'notes', '20260101']) mkdirSync(path.join(folder, name));
    assert.deepEqual((await listRuns(folder)).map(({ id }) => id.slice(-1)), ['c', 'b', 'a']);
    assert.deepEqual((await listRuns(folder, 1)).map(({ id }) => id.slice(-1)), ['c']);
    assert.deepEqual(await listRuns(path.join(folder, 'none')), []);
  });

  it('finds the newest hundred of five thousand in less than half a second', async () => {
    for (let i = 0; i < 5000; i++) mkdirSync(path.join(folder, `20260101-${String(i).padStart(6, '0')}-x`));
    const start = performance.now();
    const found = await listRuns(folder);
    const took = performance.now() - start;
    assert.equal(found[0]?.id, '20260101-004999-x');
    assert.equal(found.length, 100);
    assert.ok(took < 500, `${took} ms`);
  });

  it('finds a run by id, by a beginning that is its alone, as the latest, and by its folder', async () => {
    const a = make('20260101-000000-a');
    const b = make('20260102-000000-b');
    const b2 = make('20260102-000000-b-2');
    assert.equal(await findRun(folder, '20260101'), a);
    assert.equal(await findRun(folder, '20260102-000000-b'), b, 'a whole id counts before a beginning');
    assert.equal(await findRun(folder, 'latest'), b2);
    assert.equal(await findRun('/nowhere', a), a);
    await assert.rejects(findRun(folder, '20260102'), /2 runs begin with "20260102"/);
    await assert.rejects(findRun(folder, '2025'), /No run's id begins with "2025".*20260102-000000-b-2/);
    await assert.rejects(findRun(path.join(folder, 'none'), 'latest'), /There are no runs in/);
    await assert.rejects(findRun(folder, path.join(folder, '..')), /not the folder of a run/);
  });

  it('guards what lives from being deleted, and what is not ours', async () => {
    const why = async (dir: string): Promise<string | undefined> => whyNotDelete(await readRun(dir));
    assert.match((await why(make('20260101-000000-a', { supervisor: living, trainer: living }))) ?? '', /running. Stop it first/);
    assert.match((await why(make('20260101-000000-b', { trainer: living }))) ?? '', /stalled. Stop it first/);
    assert.match((await why(make('20260101-000000-c', { host: 'elsewhere' }))) ?? '', /elsewhere/);
    assert.match((await why(folder)) ?? '', /not the folder of a run/);
    assert.equal(await why(make('20260101-000000-d', { state: 'failed' })), undefined);
    assert.equal(await why(make('20260101-000000-e', {})), undefined);
    assert.match((await why(make('20260101-000000-f', { pidNamespace: 'pid:[1]' }))) ?? '', /may still be running on/);
    const silent = { pidNamespace: 'pid:[1]', heartbeat: Date.now() / 1000 - 400 };
    assert.equal(await why(make('20260101-000000-g', silent)), undefined, 'a container that was made anew leaves nothing stuck');
  });

  it('takes a status for forsaken that nobody has replaced for long', async () => {
    const dir = make('20260101-000000-a', { v: 99 });
    assert.equal((await readRun(dir)).forsaken, false);
    const before = Date.now() / 1000 - 3600;
    utimesSync(path.join(dir, 'status.json'), before, before);
    const summary = await readRun(dir);
    assert.deepEqual([summary.state, summary.forsaken], ['unknown', true]);
    assert.match(summary.text, /newer version.*Nothing has been written there for 1 h/);
  });

  it('says why a run cannot be controlled', async () => {
    assert.equal(whyNoControl(await readRun(make('20260101-000000-a', { supervisor: living, trainer: living }))), undefined);
    assert.match(whyNoControl(await readRun(make('20260101-000000-b', { host: 'elsewhere' }))) ?? '', /only there/);
    assert.match(whyNoControl(await readRun(make('20260101-000000-c', { state: 'finished' }))) ?? '', /not running: finished/);
  });
});
