// A runs folder on a disk that stops answering. The extension host has four threads for the files of all extensions: git's and the
// language servers' calls wait behind those that hang.
import assert from 'node:assert/strict';
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { RunRegistry } from '../../src/editor/runs/registry';
import { python, repo, temporaryFolder } from '../harness/paths';
import { identityOf } from '../harness/processes';
import { until } from './api';
import { writeRun } from './runFolder';

describe('a runs folder on a disk that stops answering', function suite() {
  this.timeout(60_000);
  let disk: ChildProcessByStdio<Writable, Readable, null>;
  let mounted: string;
  let registry: RunRegistry;
  const answer = (what: 'all' | 'list' | 'nothing'): unknown => disk.stdin.write(`${what}\n`);

  before(async function mount() {
    const folder = temporaryFolder('disk');
    mounted = path.join(temporaryFolder('mounted'), 'runs');
    mkdirSync(mounted);
    for (const name of ['a', 'b', 'c', 'd']) {
      writeRun(folder, { id: `20260101-000000-${name}`, name, state: 'running', step: 6, total: 9, process: identityOf(process.pid) });
    }
    disk = spawn(python, [path.join(repo, 'test', 'harness', 'stuckDisk.py'), folder, mounted], { stdio: ['pipe', 'pipe', 'inherit'] });
    const [said] = (await once(disk.stdout, 'data')) as [Buffer];
    if (said.toString().trim() === 'ready') return;
    console.log(`      skipped: no disk of one's own can be mounted here (${said.toString().trim()})`);
    this.skip();
  });

  after(() => disk.stdin.end()); // whatever still hangs gets an error

  beforeEach(async () => {
    registry = new RunRegistry(() => [mounted], () => undefined);
    await registry.refresh();
    assert.equal(registry.runs.length, 4);
  });

  afterEach(() => registry.dispose());

  for (const [what, left] of [['nothing', 'any more'], ['list', 'but with the names of its runs @long']] as const) {
    it(`keeps nobody from their files when it does not answer ${left}, and is followed again once it does`, async () => {
      answer(what);
      try {
        await sleep(100);
        for (let look = 0; look < 3; look++) await registry.refresh();
        const others = Promise.all([stat(repo), readdir(repo), stat(python)]);
        assert.notEqual(await Promise.race([others, sleep(2000)]), undefined, 'no thread is left');
        assert.equal(registry.runs.length, 4);
      } finally {
        answer('all');
      }
      await until('an answer', async () => {
        const before = performance.now();
        await registry.refresh();
        return performance.now() - before < 1000;
      });
      assert.deepEqual(registry.runs.map(({ summary }) => summary.state), ['running', 'running', 'running', 'running']);
    });
  }
});
