import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { copyFileSync, cpSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { readRun, type RunSummary } from '../../../src/rundir/runs';
import { python, repo, temporaryFolder } from '../../harness/paths';
import { tinyConfig } from '../launch/tiny';

interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

describe('minillm with a run that goes on', function () {
  this.timeout(180_000);
  let workspace: string;
  let dir: string;
  const data = (): string => path.join(workspace, 'rows.jsonl.gz');

  function minillm(...args: string[]): Ended {
    const env = { ...process.env, MINILLM_PYTHON: python, XDG_CACHE_HOME: path.join(workspace, 'cache') };
    const { status, stdout, stderr } = spawnSync(process.execPath, [path.join(repo, 'dist', 'cli.js'), ...args], { cwd: workspace, env, encoding: 'utf8' });
    return { code: status, out: stdout, err: stderr };
  }

  async function until(holds: (summary: RunSummary) => boolean): Promise<RunSummary> {
    for (let n = 0; n < 600; n++) {
      const summary = await readRun(dir);
      if (holds(summary)) return summary;
      await sleep(100);
    }
    const { state, text, status } = await readRun(dir);
    throw new Error(`never came: ${state}, ${text} ${JSON.stringify(status)}\n${readFileSync(path.join(dir, 'log.txt'), 'utf8')}`);
  }
  const stepping = until.bind(undefined, ({ state, status }) => state === 'running' && (status?.step ?? 0) > 0);
  const steps = (): [number, number][] => readFileSync(path.join(dir, 'events.jsonl'), 'utf8').split('\n').filter((line) => line.includes('"kind":"step"'))
    .map((line) => JSON.parse(line) as { attempt: number; step: number }).map(({ attempt, step }) => [attempt, step]);
  const kill = (summary: RunSummary, who: 'supervisor' | 'trainer'): void => void process.kill(summary.status?.[who]?.pid ?? NaN, 'SIGKILL');

  before(() => {
    workspace = temporaryFolder('keep');
    copyFileSync(path.join(repo, 'demo', 'labelled.jsonl.gz'), data());
    cpSync(path.join(repo, 'demo', 'teacher'), path.join(workspace, 'teacher'), { recursive: true });
    const phases = [
      { method: 'sft', rows: 64, steps: 8, batchSize: 8 },
      { method: 'minillm', rows: 64, steps: 100_000, rollouts: 8, batchSize: 8 },
    ];
    const changes = { name: 'kept', teacher: { model: 'teacher' }, phases, checkpoints: { every: 8, keep: 4 }, inspect: { rows: 2 }, evaluation: { rows: 4 } };
    const config = JSON.parse(tinyConfig(changes)) as { data: { train: string } };
    config.data.train = 'rows.jsonl.gz';
    writeFileSync(path.join(workspace, 'kept.minillm.jsonc'), JSON.stringify(config));
    const launched = minillm('run', 'kept.minillm.jsonc', '--detach', '--json');
    assert.equal(launched.code, 0, launched.err);
    ({ dir } = JSON.parse(launched.out) as { dir: string });
  });
  after(async () => {
    minillm('stop', 'latest', '--now');
    const { status } = await readRun(dir);
    for (const who of [status?.supervisor, status?.trainer]) {
      try {
        if (who) process.kill(who.pid, 'SIGKILL');
      } catch { /* it is gone */ }
    }
    rmSync(workspace, { recursive: true, force: true });
  });

  it('pauses it, writes a checkpoint meanwhile, and lets it go on', async () => {
    await stepping();
    assert.match(minillm('pause', 'latest').out, /: Paused after step \d+\.\n$/);
    await until(({ state }) => state === 'paused');
    const at = steps().length;
    const { out } = minillm('checkpoint', 'latest');
    const name = /Checkpoint (step-\d{8}-a1) was written\./.exec(out)?.[1] ?? '';
    assert.ok(existsSync(path.join(dir, 'checkpoints', name, 'model.safetensors')), out);
    assert.match(minillm('evaluate', 'latest').out, /was evaluated\./);
    assert.equal(steps().length, at);
    assert.match(minillm('continue', 'latest').out, /Goes on after step \d+\./);
    await until(() => steps().length > at);
  });

  it('gives a trainer whose supervisor was killed a new one, and is heard', async () => {
    const before = await stepping();
    kill(before, 'supervisor');
    const orphan = await until(({ state }) => state === 'stalled');
    assert.match(orphan.text, /^The supervisor is gone; the trainer goes on/);
    const { code, out, err } = minillm('checkpoint', 'latest');
    assert.equal(code, 0, err);
    assert.match(out, /was written\./);
    const after = await until(({ state }) => state === 'running');
    assert.deepEqual(after.status?.trainer, before.status?.trainer);
    assert.notEqual(after.status?.supervisor?.pid, before.status?.supervisor?.pid);
  });

  it('resumes it after both were killed: nothing before the last checkpoint is done again, and no step is missing', async () => {
    await until(() => steps().some(([, step]) => step > 20));
    const before = await readRun(dir);
    kill(before, 'supervisor');
    kill(before, 'trainer');
    const lost = await until(({ state }) => state === 'lost');
    assert.match(lost.text, /Resume it to go on from its newest complete checkpoint, or anew where there is none\.$/);
    const refused = minillm('checkpoint', 'latest');
    assert.deepEqual([refused.code, refused.out], [2, '']);
    const last = Math.max(...steps().map(([, step]) => step));
    assert.equal(minillm('resume', 'latest', '--detach').code, 0);
    const resumed = await until(({ state, status }) => state === 'running' && status?.attempt === 2 && status.step > last);
    assert.equal(resumed.status?.restarts, 0);
    const second = steps().filter(([attempt]) => attempt === 2).map(([, step]) => step);
    assert.ok((second[0] ?? 0) > last - 8 && (second[0] ?? Infinity) <= last + 1, `${second[0]} after ${last}`);
    assert.deepEqual(second, second.map((_, i) => (second[0] ?? 0) + i));
    assert.equal(minillm('resume', 'latest').code, 2);
  });

  it('refuses to go on with another teacher', async () => {
    await stepping();
    assert.equal(minillm('stop', 'latest').code, 0);
    const weights = path.join(workspace, 'teacher', 'model.safetensors');
    const were = readFileSync(weights);
    const trained = Buffer.from(were);
    trained[trained.length - 4]! ^= 1;
    writeFileSync(weights, trained);
    const refused = minillm('resume', 'latest', '--detach');
    assert.equal(refused.code, 2);
    assert.match(refused.err, /kept reads is not what it was at its launch\. \S+\/teacher\/model\.safetensors has other content of the same size\. /);
    assert.match(refused.err, /Bring the files back, or .*--allow-changed-data/);
    assert.deepEqual([(await readRun(dir)).state, (await readRun(dir)).status?.attempt], ['stopped', 2]);
    writeFileSync(weights, were);
  });

  it('refuses to go on with other data', async () => {
    writeFileSync(data(), Buffer.concat([readFileSync(data()), readFileSync(data())]));
    const refused = minillm('resume', 'latest', '--detach');
    assert.equal(refused.code, 2);
    assert.match(refused.err, /reads is not what it was at its launch\. .*rows\.jsonl\.gz had \d+ bytes and has \d+\./);
    assert.equal((await readRun(dir)).status?.attempt, 2);
  });

  it('goes on with other data where that is allowed @long', async () => {
    assert.equal(minillm('resume', 'latest', '--detach', '--allow-changed-data').code, 0);
    await until(({ state, status }) => state === 'running' && status?.attempt === 3 && status.step > 0);
    assert.equal(minillm('stop', 'latest').code, 0);
  });

  it('forks it from a checkpoint, with the phases that are left, and says where it came from @long', async () => {
    const forked = minillm('fork', 'latest', '--from', 'best', '--detach', '--json');
    assert.equal(forked.code, 0, forked.err);
    const parent = dir;
    ({ dir } = JSON.parse(forked.out) as { dir: string });
    const { run } = await until(({ state, status }) => state === 'running' && (status?.step ?? 0) > 0);
    assert.equal(run?.parent?.run, path.basename(parent));
    assert.equal(run.parent.path, parent);
    assert.deepEqual(run.config.phases.map(({ method }) => method), ['minillm']);
    assert.deepEqual([run.config.student.init, run.config.student.model], ['weights', path.join(dir, 'start')]);
    const name = run.parent.checkpoint;
    assert.deepEqual(readFileSync(path.join(dir, 'start', 'model.safetensors')), readFileSync(path.join(parent, 'checkpoints', name, 'model.safetensors')));
    const nowhere = minillm('fork', path.basename(parent), '--from', '7777');
    assert.equal(nowhere.code, 2);
    assert.match(nowhere.err, /has no checkpoint "7777"\. It has checkpoints at the steps/);
  });
});
