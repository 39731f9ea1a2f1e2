// A runs folder on a disk that stops answering. The extension host has four threads for the files of all extensions: git's and the
// language servers' calls wait behind those that hang.
import assert from 'node:assert/strict';
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type * as vscode from 'vscode';
import type { Status } from '../../src/contract/generated';
import { RunRegistry } from '../../src/editor/runs/registry';
import { TravelSession } from '../../src/editor/travel/session';
import type { TravelView } from '../../src/protocol/timeTravel';
import { RunDir } from '../../src/rundir/layout';
import { python, repo, temporaryFolder } from '../harness/paths';
import { identityOf } from '../harness/processes';
import { extension, until } from './api';
import { PageOfTest } from './pageOfTest';
import { writeRun } from './runFolder';

describe('a runs folder on a disk that stops answering', function suite() {
  this.timeout(60_000);
  let disk: ChildProcessByStdio<Writable, Readable, null>;
  let mounted: string;
  let registry: RunRegistry;
  const answer = (what: 'all' | 'list' | 'nothing'): unknown => disk.stdin.write(`${what}\n`);

  const write = (folder: string, name: string): string =>
    writeRun(folder, { id: `20260101-000000-${name}`, name, state: 'running', step: 6, total: 9, process: identityOf(process.pid) });
  /** Runs of three other folders on the disk. */
  const linked = ['e', 'f', 'g', 'h', 'i', 'j'];
  const insistOnThreads = async (): Promise<void> => {
    const others = Promise.all([stat(repo), readdir(repo), stat(python)]);
    assert.notEqual(await Promise.race([others, sleep(2000)]), undefined, 'no thread is left');
  };

  before(async function mount() {
    const folder = temporaryFolder('disk');
    mounted = path.join(temporaryFolder('mounted'), 'runs');
    mkdirSync(mounted);
    for (const name of ['a', 'b', 'c', 'd']) write(folder, name);
    for (const [at, name] of linked.entries()) write(path.join(folder, `of${at % 3}`), name);
    disk = spawn(python, [path.join(repo, 'test', 'harness', 'stuckDisk.py'), folder, mounted], { stdio: ['pipe', 'pipe', 'inherit'] });
    const [said] = (await once(disk.stdout, 'data')) as [Buffer];
    if (said.toString().trim() === 'ready') return;
    console.log(`      skipped: no disk of one's own can be mounted here (${said.toString().trim()})`);
    this.skip();
  });

  after(async () => {
    disk.stdin.end(); // whatever still hangs gets an error
    if (disk.exitCode === null) await once(disk, 'exit');
  });

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
        await insistOnThreads();
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

  for (const [when, known] of [['that were read before @long', true], ['that nobody has read yet', false]] as const) {
    it(`keeps nobody from their files, nor from the runs beside them, when runs are linked to it ${when}`, async () => {
      const folder = temporaryFolder('beside');
      const own = new RunDir(write(folder, 'own'));
      for (const [at, name] of linked.entries()) {
        symlinkSync(path.join(mounted, `of${at % 3}`, `20260101-000000-${name}`), path.join(folder, `20260101-000000-${name}`));
      }
      const runs = new RunRegistry(() => [folder], () => undefined);
      try {
        if (known) await runs.refresh();
        answer('nothing');
        await sleep(100);
        for (let look = 0; look < 3; look++) await runs.refresh();
        await insistOnThreads();
        assert.equal(runs.runs.length, known ? 7 : 1);
        writeFileSync(own.status, JSON.stringify({ ...(JSON.parse(readFileSync(own.status, 'utf8')) as Status), step: 7 }));
        await until('what is new beside them', async () => {
          await runs.refresh();
          return runs.get(own.path)?.summary.status?.step === 7;
        });
      } finally {
        answer('all');
      }
      await until('all runs', async () => {
        await runs.refresh();
        return runs.runs.length === 7;
      });
      runs.dispose();
    });
  }

  it('keeps nobody from their files while a page of time travel looks at it', async () => {
    const [run] = registry.runs;
    assert.ok(run);
    const page = new PageOfTest();
    const view: TravelView = { dir: run.summary.dir, promptId: 'p', draw: 0, checkpoint: null, pins: [] };
    const panel = page as unknown as vscode.WebviewPanel;
    const session = new TravelSession(panel, view, extension().extensionUri, registry, { keep: () => undefined }, () => undefined);
    try {
      page.say({ type: 'ready' });
      await until('what it shows', () => page.told.length > 0);
      answer('nothing');
      await sleep(5000);
      await insistOnThreads();
    } finally {
      answer('all');
      session.dispose();
    }
  });
});
