import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdirSync, openSync, readdirSync, readFileSync, readSync, renameSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { newestComplete } from '../../../src/rundir/checkpoints';
import { findSpare, takeSpare } from '../../../src/rundir/clean';
import { thisMachine } from '../../../src/rundir/liveness';
import { repo, temporaryFolder } from '../../harness/paths';
import { identityOf } from '../../harness/processes';

describe('checkpoints that nobody would miss', () => {
  const recorded = path.join(repo, 'test', 'fixtures', 'runs');
  const id = readdirSync(recorded).sort().at(-1)!;
  let folder: string;
  let dir: string;
  let names: string[];
  const present = (): string[] => readdirSync(path.join(dir, 'checkpoints')).sort();

  beforeEach(() => {
    folder = temporaryFolder('clean');
    dir = path.join(folder, id);
    cpSync(path.join(recorded, id), dir, { recursive: true });
    rmSync(path.join(dir, 'checkpoints'), { recursive: true, force: true });
    names = readdirSync(path.join(dir, 'samples')).filter((name) => /^step-\d+-a\d+\.jsonl$/.test(name)).map((name) => name.replace('.jsonl', '')).sort();
    for (const name of names) {
      mkdirSync(path.join(dir, 'checkpoints', name, 'state'), { recursive: true });
      writeFileSync(path.join(dir, 'checkpoints', name, 'model.safetensors'), Buffer.alloc(1000, 7));
      writeFileSync(path.join(dir, 'checkpoints', name, 'state', 'state.json'), '{}');
      const files = { 'model.safetensors': 1000, 'state/state.json': 2 };
      writeFileSync(path.join(dir, 'checkpoints', name, 'state', 'files.json'), JSON.stringify({ files }));
    }
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it('are all but the newest complete one, the best and the pinned', async () => {
    writeFileSync(path.join(dir, 'user.json'), JSON.stringify({ v: 1, pins: [names[1]] }));
    // The newest was damaged: the one before it is the newest complete one, and both stay.
    rmSync(path.join(dir, 'checkpoints', names.at(-1)!, 'state'), { recursive: true });
    const spare = await findSpare(dir);
    const doomed = spare.checkpoints.map(({ name }) => name);
    for (const kept of [names[1]!, ...names.slice(-2)]) assert.ok(!doomed.includes(kept), kept);
    assert.ok(doomed.length >= names.length - 4 && doomed.length > 0);
    assert.ok(spare.bytes >= 1000 * doomed.length);
    assert.deepEqual(present(), names, 'to look is not to delete');
    await takeSpare(dir);
    assert.deepEqual(present(), names.filter((name) => !doomed.includes(name)));
    assert.ok(existsSync(path.join(dir, 'samples', `${doomed[0]}.jsonl`)), 'what was said there stays');
  });

  for (const [what, harm] of [
    ['are cut off', (folder: string) => truncateSync(path.join(folder, 'model.safetensors'), 999)],
    ['are gone', (folder: string) => rmSync(path.join(folder, 'model.safetensors'))],
    ['lie elsewhere', (folder: string) => {
      renameSync(path.join(folder, 'model.safetensors'), path.join(folder, '..', '..', 'elsewhere'));
      symlinkSync(path.join(folder, '..', '..', 'elsewhere'), path.join(folder, 'model.safetensors'));
    }],
    ['are not told of', (folder: string) => writeFileSync(path.join(folder, 'state', 'files.json'), '{"files":{}}')],
  ] as const) {
    it(`are not the one that training could go on from when the weights of the newest ${what}`, async () => {
      const usable = names.at(-2)!;
      harm(path.join(dir, 'checkpoints', names.at(-1)!));
      assert.equal((await newestComplete(dir))?.name, usable);
      // Neither the best nor pinned: nothing but its being whole keeps it.
      const events = readFileSync(path.join(dir, 'events.jsonl'), 'utf8').split('\n');
      writeFileSync(path.join(dir, 'events.jsonl'), events.filter((line) => !line.includes('"evaluation"')).join('\n'));
      await takeSpare(dir);
      assert.deepEqual(present(), names.slice(-2));
    });
  }

  it('can be read on by who has them open', async () => {
    const [first] = (await findSpare(dir)).checkpoints;
    const fd = openSync(path.join(first!.path, 'model.safetensors'), 'r');
    await takeSpare(dir);
    assert.equal(readSync(fd, Buffer.alloc(2000)), 1000);
  });

  it('stay from the moment on in which the run is resumed', async () => {
    const { checkpoints } = await findSpare(dir);
    assert.ok(checkpoints.length > 1);
    const file = path.join(dir, 'status.json');
    const status = JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>;
    const { host, bootId, pidNamespace = null } = thisMachine();
    const trainer = spawn('sleep', ['60'], { stdio: 'ignore' });
    try {
      await once(trainer, 'spawn');
      const itself = identityOf(trainer.pid!);
      const now = Date.now() / 1000;
      const running = { state: 'running', host, bootId, pidNamespace, supervisor: itself, trainer: itself, heartbeat: now, nextHeartbeatBy: now + 60 };
      const resumed = (async () => {
        while (existsSync(checkpoints[0]!.path)) await setImmediate();
        writeFileSync(file, JSON.stringify({ ...status, ...running }));
      })();
      const [taken] = await Promise.all([takeSpare(dir), resumed]);
      assert.deepEqual(taken.checkpoints, checkpoints.slice(0, 1));
      assert.equal(taken.bytes, checkpoints[0]!.bytes);
      assert.deepEqual(present(), names.filter((name) => name !== checkpoints[0]!.name));
    } finally {
      trainer.kill();
    }
  });

  it('are none while the run may be at work', async () => {
    const file = path.join(dir, 'status.json');
    const status = JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>;
    writeFileSync(file, JSON.stringify({ ...status, state: 'running', host: 'elsewhere' }));
    assert.deepEqual((await takeSpare(dir)).checkpoints, []);
    assert.deepEqual(present(), names);
  });
});
