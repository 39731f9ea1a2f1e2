import assert from 'node:assert/strict';
import { cpSync, existsSync, mkdirSync, openSync, readdirSync, readFileSync, readSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { findSpare, takeSpare } from '../../../src/rundir/clean';
import { repo, temporaryFolder } from '../../harness/paths';

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
      writeFileSync(path.join(dir, 'checkpoints', name, 'state', 'files.json'), '{"files":{}}');
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

  it('can be read on by who has them open', async () => {
    const [first] = (await findSpare(dir)).checkpoints;
    const fd = openSync(path.join(first!.path, 'model.safetensors'), 'r');
    await takeSpare(dir);
    assert.equal(readSync(fd, Buffer.alloc(2000)), 1000);
  });

  it('are none while the run may be at work', async () => {
    const file = path.join(dir, 'status.json');
    const status = JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>;
    writeFileSync(file, JSON.stringify({ ...status, state: 'running', host: 'elsewhere' }));
    assert.deepEqual((await takeSpare(dir)).checkpoints, []);
    assert.deepEqual(present(), names);
  });
});
