import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { readRun } from '../../../src/rundir/runs';
import { python, repo, temporaryFolder } from '../../harness/paths';
import { tinyConfig } from '../launch/tiny';

interface Watched {
  readonly child: ChildProcess;
  /** Resolves once either stream holds the text. */
  readonly says: (text: string) => Promise<void>;
  readonly ended: Promise<{ code: number | null; out: string; err: string }>;
}

describe('minillm run', function () {
  this.timeout(120_000);
  let workspace: string;

  beforeEach(() => {
    workspace = temporaryFolder('cli');
    writeFileSync(path.join(workspace, 'tiny.minillm.jsonc'), tinyConfig({}));
    writeFileSync(path.join(workspace, 'long.minillm.jsonc'), tinyConfig({ name: 'long', phases: [{ method: 'sft', rows: 64, steps: 100_000, batchSize: 8 }] }));
  });
  afterEach(() => rmSync(workspace, { recursive: true }));

  function start(...args: string[]): Watched {
    const env = { ...process.env, MINILLM_PYTHON: python, XDG_CACHE_HOME: path.join(workspace, 'cache') };
    const child = spawn(process.execPath, [path.join(repo, 'dist', 'cli.js'), ...args], { cwd: workspace, env, stdio: ['ignore', 'pipe', 'pipe'] });
    let out = '';
    let err = '';
    child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
    const ended = once(child, 'close').then(([code]) => ({ code: code as number | null, out, err }));
    const says = async (text: string): Promise<void> => {
      while (!out.includes(text) && !err.includes(text)) {
        if (child.exitCode !== null) throw new Error(`ended with ${child.exitCode} before it said "${text}": ${out}${err}`);
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    };
    return { child, says, ended };
  }
  const records = (out: string): Record<string, unknown>[] => out.trimEnd().split('\n').map((line) => JSON.parse(line) as Record<string, unknown>);

  it('follows a run to its end, in lines, and closes with the tables', async () => {
    const { code, out, err } = await start('run', 'tiny.minillm.jsonc').ended;
    assert.deepEqual([code, err], [0, ''], out);
    const told = [
      /^\d{8}-\d{6}-tiny$/m, /^phase 1: sft, steps 1 to 4$/m, /^phase 2: minillm, steps 5 to 8$/m, /^step 8  loss /m, /^teacher: /m, /sharpening control \(τ /,
      /^Checkpoints, on 8 validation rows$/m, /^At the end, on 8 validation rows$/m, /^✔ finished after .*: 8 steps, \d+ checkpoints in /m,
    ];
    for (const text of told) assert.match(out, text);
    assert.doesNotMatch(out, /\u001b/);
  });

  it('as JSON gives the launch, every event once, and the result; Ctrl-C stops with a checkpoint and exit code 3', async () => {
    const { child, says, ended } = start('run', 'long.minillm.jsonc', '--json');
    await says('"kind":"step"');
    child.kill('SIGINT');
    const { code, out, err } = await ended;
    assert.equal(code, 3, out.slice(-2000) + err);
    const [launched, ...rest] = records(out);
    const result = rest.pop()!;
    assert.equal(launched?.['kind'], 'launched');
    assert.deepEqual([result['kind'], result['state'], result['exitCode']], ['result', 'stopped', 3]);
    const stored = records(readFileSync(path.join(launched['dir'] as string, 'events.jsonl'), 'utf8'));
    assert.deepEqual(rest.map(({ seq }) => seq), stored.map(({ seq }) => seq));
    assert.ok(rest.some(({ kind }) => kind === 'checkpoint'));
  });

  it('returns to the shell at once on a second Ctrl-C; the run stops by itself @long', async () => {
    const { child, says, ended } = start('run', 'long.minillm.jsonc', '--json');
    await says('"kind":"step"');
    child.kill('SIGINT');
    await says('Ctrl-C again returns to the shell at once.');
    child.kill('SIGINT');
    const { code, out, err } = await ended;
    assert.equal(code, 130, err);
    const dir = records(out)[0]!['dir'] as string;
    let summary = await readRun(dir);
    for (; summary.active; summary = await readRun(dir)) await new Promise((resolve) => setTimeout(resolve, 100));
    assert.equal(summary.state, 'stopped');
  });

  it('leaves a run to itself when it is told to; list and stop find it @long', async () => {
    const launched = await start('run', 'long.minillm.jsonc', '--detach', '--json').ended;
    assert.equal(launched.code, 0, launched.err);
    const { run, dir } = JSON.parse(launched.out) as { run: string; dir: string };
    while ((await readRun(dir)).state === 'starting') await new Promise((resolve) => setTimeout(resolve, 100));

    const [listed] = JSON.parse((await start('list', '--json').ended).out) as { id: string; state: string }[];
    assert.deepEqual([listed?.id, listed?.state], [run, 'running']);

    const stopped = await start('stop', run.slice(0, 15)).ended;
    assert.deepEqual([stopped.code, stopped.err], [0, '']);
    assert.match(stopped.out, /stopped/);
    assert.equal((await readRun(dir)).state, 'stopped');
  });

  it('ends with exit code 1 and the cause when the trainer is killed @long', async () => {
    const { says, ended } = start('run', 'long.minillm.jsonc', '--json');
    await says('"kind":"step"');
    const [latest] = JSON.parse((await start('list', '--json').ended).out) as { dir: string }[];
    const { status } = await readRun(latest!.dir);
    process.kill(status!.trainer!.pid, 'SIGKILL');
    const { code, out } = await ended;
    assert.equal(code, 1);
    const result = records(out).at(-1)!;
    assert.equal(result['state'], 'failed');
    assert.match(String(result['text']), /\S+/);
  });

  it('says where a config is wrong, in the form that terminals make a link of, with exit code 2 and no run', async () => {
    writeFileSync(path.join(workspace, 'wrong.minillm.jsonc'), tinyConfig({ sed: 1, phases: [{ method: 'sft', steps: 0 }] }));
    const wrong = await start('run', 'wrong.minillm.jsonc').ended;
    assert.deepEqual([wrong.code, wrong.out], [2, '']);
    assert.match(wrong.err, /^wrong\.minillm\.jsonc:\d+:\d+: .*steps/m);
    assert.match(wrong.err, /^wrong\.minillm\.jsonc:\d+:\d+: .*sed/m);
    const none = await start('run', 'none.minillm.jsonc').ended;
    assert.deepEqual([none.code, none.out], [2, '']);
    assert.match(none.err, /^There is no config at .*none\.minillm\.jsonc\.\n$/);
    const noPython = await start('run', 'tiny.minillm.jsonc', '--python', '/nowhere').ended;
    assert.deepEqual([noPython.code, noPython.out], [2, '']);
    assert.match(noPython.err, /^There is no Python at "\/nowhere", which .*\n$/);
    assert.equal(existsSync(path.join(workspace, 'runs')), false);
  });
});
