import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Config } from '../../../src/contract/generated';
import { ConfigError, LaunchError } from '../../../src/launch/errors';
import { launchRun, refuseUnsupportedPlatform } from '../../../src/launch/launch';
import { preflight } from '../../../src/launch/preflight';
import { checkConfig, type CheckedConfig, startRun, type StartOptions } from '../../../src/launch/start';
import { RunDir } from '../../../src/rundir/layout';
import { processAlive } from '../../../src/rundir/liveness';
import { readRun, type RunSummary } from '../../../src/rundir/runs';
import { python, repo, temporaryFolder } from '../../harness/paths';
import { descendants, listening } from '../../harness/processes';
import { tinyConfig } from './tiny';

async function ended(dir: string): Promise<RunSummary> {
  for (;;) {
    const summary = await readRun(dir);
    if (!summary.active) return summary;
    await sleep(100);
  }
}

describe('launch', function () {
  this.timeout(90_000);
  let workspace: string;
  let config: string;
  let options: StartOptions;
  /** What the check of the plain config gives: it takes seconds, and is the same for all. */
  let checked: CheckedConfig;
  const cache = temporaryFolder('trainer-cache');

  function enterWorkspace(): void {
    workspace = temporaryFolder('launch');
    config = path.join(workspace, 'tiny.minillm.jsonc');
    writeFileSync(config, tinyConfig({}));
    options = { config, workspace, trainerSource: path.join(repo, 'trainer'), cache, env: { ...process.env, MINILLM_PYTHON: python } };
  }
  /** The plain config as it was resolved, for the workspace of this test. */
  const plain = (): Config => ({ ...checked.resolution.config!, runsFolder: path.join(workspace, 'runs') });
  before(async () => {
    enterWorkspace();
    checked = await checkConfig(options);
    rmSync(workspace, { recursive: true });
  });
  beforeEach(enterWorkspace);
  afterEach(() => rmSync(workspace, { recursive: true }));
  after(() => rmSync(cache, { recursive: true }));

  it('starts a real supervisor that trains to the end with nobody watching', async () => {
    // A package of the same name in the workspace must not be what is run.
    mkdirSync(path.join(workspace, 'minillm'));
    writeFileSync(path.join(workspace, 'minillm', '__init__.py'), 'raise SystemExit("the workspace\'s own code was run")');
    const told: string[] = [];
    const secrets = { HF_TOKEN: 'hf_q8Zk2vLm9XwT4rNp', MY_SERVICE_KEY: 'j7Hs81kdPq02mmWe' };
    const { id, dir } = await startRun({ ...options, env: { ...options.env, ...secrets }, onProgress: (text) => told.push(text) });
    assert.deepEqual(told, ['looking for Python', 'checking the config', 'starting the supervisor']);
    assert.equal(path.dirname(dir), path.join(workspace, 'runs'));
    assert.match(id, /^\d{8}-\d{6}-tiny$/);

    const early = await readRun(dir);
    assert.equal(early.problem, undefined);
    assert.ok(early.active, early.text);
    assert.ok(await processAlive(early.status?.supervisor));

    const ports = new Set<string>();
    let looks = 0;
    for (let now = early; now.active; now = await readRun(dir)) {
      const both = [now.status?.supervisor, now.status?.trainer].flatMap((one) => one?.pid ?? []);
      for (const port of listening([...both, ...both.flatMap((pid) => descendants(pid).map((child) => child.pid))])) ports.add(port);
      looks += Number(now.state === 'running');
      await sleep(100);
    }
    if (process.platform === 'linux') assert.deepEqual([[...ports], looks > 0], [[], true], 'a run listens on a port');

    const summary = await ended(dir);
    assert.deepEqual([summary.state, summary.exit?.exitCode], ['finished', 0], readFileSync(new RunDir(dir).log, 'utf8'));
    const { run } = summary;
    assert.equal(run?.id, id);
    assert.equal(run.configSource, config);
    assert.equal(run.config.teacher.model, path.join(repo, 'demo', 'teacher'));
    assert.deepEqual(run.provenance.reason, 'The workspace is not in a git repository.');
    assert.equal(run.environment.python, python);
    assert.equal(run.environment.reason, 'Named by the variable MINILLM_PYTHON.');
    assert.equal(readFileSync(new RunDir(dir).config, 'utf8'), readFileSync(config, 'utf8'));
    assert.match(readFileSync(path.join(new RunDir(dir).provenance, 'packages.txt'), 'utf8'), /^torch==/m);
    assert.equal(readFileSync(path.join(workspace, 'runs', '.gitignore'), 'utf8'), '*\n');
    assert.deepEqual(readdirSync(path.join(workspace, 'runs')).filter((name) => name.startsWith('.launch')), []);

    const files = readdirSync(dir, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    for (const { parentPath, name } of files) {
      const text = readFileSync(path.join(parentPath, name), 'latin1');
      for (const secret of Object.values(secrets)) assert.ok(!text.includes(secret), `${name} holds a secret of the environment`);
    }
    const mode = (file: string): number => statSync(file).mode & 0o777;
    const at = new RunDir(dir);
    assert.deepEqual([at.run, at.provenance, path.join(at.provenance, 'packages.txt')].map(mode), [0o600, 0o700, 0o600]);
  });

  it('gives each launch of one second a folder of its own', async () => {
    const { python: ready, trainerDir } = checked;
    // An interpreter that supervises nothing but says so in status.json, as the supervisor does first of all.
    const fake = path.join(workspace, 'python');
    const answer = 'printf \'{"v":1,"run":"%s","supervisor":{"pid":%d}}\' "$(basename "$dir")" $$ > status.json';
    writeFileSync(fake, `#!/bin/sh\nfor dir; do :; done\nif [ -d "$dir" ]; then ${answer}; fi\n`, { mode: 0o755 });
    const one = { python: { path: fake, reason: 'Fake.' }, probe: ready.probe, trainerDir, resolved: plain(), config, workspace, env: process.env };
    const runs = await Promise.all(Array.from({ length: 6 }, () => launchRun(one)));
    assert.equal(new Set(runs.map(({ id }) => id)).size, 6);
    for (const { id, dir } of runs) assert.equal((JSON.parse(readFileSync(path.join(dir, 'run.json'), 'utf8')) as { id: string }).id, id);
  });

  it('leaves nothing behind that looks like a run when its supervisor dies, and says why', async () => {
    const { python: ready, trainerDir } = checked;
    const broken = path.join(workspace, 'python');
    writeFileSync(broken, '#!/bin/sh\necho "Traceback (most recent call last):" >&2\necho "ImportError: no module named fcntl" >&2\nexit 1\n', { mode: 0o755 });
    const one = { python: { path: broken, reason: 'Broken.' }, probe: ready.probe, trainerDir, resolved: plain(), config, workspace, env: process.env };
    await assert.rejects(launchRun(one), (error) =>
      error instanceof LaunchError && error.reason === 'supervisor died' && error.message.includes('ImportError: no module named fcntl') && error.detail !== undefined);
    await assert.rejects(launchRun({ ...one, python: { path: '/nowhere/python', reason: '' } }), (error) => error instanceof LaunchError && error.message.includes('ENOENT'));
    const parent = { run: '20260101-000000-r', checkpoint: 'step-00000001-a1', path: '/nowhere' };
    const gone = { folder: path.join(workspace, 'gone'), parent };
    await assert.rejects(launchRun({ ...one, fork: gone }), /cannot be made in .*ENOENT/, 'a checkpoint that has gone meanwhile');
    assert.deepEqual(readdirSync(path.join(workspace, 'runs')), ['.gitignore']);
  });

  it('says which folder cannot hold runs', async () => {
    const { python: ready, trainerDir } = checked;
    const resolved: Config = { ...plain(), runsFolder: 'tiny.minillm.jsonc/runs' };
    await assert.rejects(
      launchRun({ python: ready.choice, probe: ready.probe, trainerDir, resolved, config, workspace, env: process.env }),
      (error) => error instanceof LaunchError && error.reason === 'runs folder' && error.message.includes('tiny.minillm.jsonc/runs') && error.fix.includes('runsFolder'),
    );
  });

  it('looks at the folder that the run would go to: the one that the config names, else the usual one', async () => {
    const usual = { ...options, usualRunsFolder: path.join(workspace, 'scratch', 'runs') };
    const look = async (): Promise<readonly [string | undefined, string | undefined]> => {
      const { resolution } = await checkConfig(usual);
      const { checks } = await preflight({ ...usual, search: {}, env: usual.env!, models: false });
      return [resolution.config?.runsFolder, / free in (.*)\.$/.exec(checks.find(({ name }) => name === 'Disk')?.text ?? '')?.[1]];
    };
    mkdirSync(usual.usualRunsFolder, { recursive: true });
    assert.deepEqual(await look(), [usual.usualRunsFolder, usual.usualRunsFolder]);
    const asked = path.join(workspace, 'asked');
    assert.equal((await checkConfig({ ...usual, runsFolder: asked })).resolution.config?.runsFolder, asked);
    const own = path.join(workspace, 'own');
    mkdirSync(own);
    writeFileSync(config, tinyConfig({ runsFolder: 'own' }));
    assert.deepEqual(await look(), [own, own]);
    writeFileSync(config, tinyConfig({ runsFolder: 'tiny.minillm.jsonc/runs' }));
    assert.equal((await checkConfig({ ...usual, runsFolder: asked })).resolution.config?.runsFolder, asked, 'what is not used may be amiss');
  });

  it('finds what is wrong with a config before there is a run', async () => {
    const wrong: readonly (readonly [Record<string, unknown>, Readonly<Record<string, RegExp>>])[] = [
      [{ sed: 1, phases: [{ method: 'sft', steps: 0 }] }, { '/sed': /sed/, '/phases/0/steps': /0/ }],
      [{ data: { train: 'none.jsonl' }, teacher: { model: './none' } }, { '/data/train': /none\.jsonl/, '/teacher/model': /none/ }],
    ];
    for (const [change, expected] of wrong) {
      writeFileSync(config, tinyConfig(change));
      await assert.rejects(startRun(options), (error) => {
        assert.ok(error instanceof ConfigError, String(error));
        for (const [pointer, text] of Object.entries(expected)) assert.match(error.problems.find((one) => one.pointer === pointer)?.text ?? '', text);
        return true;
      });
    }
    rmSync(config);
    await assert.rejects(startRun(options), (error) => error instanceof ConfigError && error.problems[0]!.text === `There is no config at ${config}.`);
    assert.equal(existsSync(path.join(workspace, 'runs')), false);
  });

  it('refuses where runs cannot live yet', () => {
    assert.throws(() => refuseUnsupportedPlatform('win32'), (error) => error instanceof LaunchError && /WSL/.test(error.fix));
    for (const platform of ['linux', 'darwin'] as const) refuseUnsupportedPlatform(platform);
  });

  it('copies the trainer away from where it was shipped', () => {
    const { trainerDir } = checked;
    assert.ok(trainerDir.startsWith(path.join(cache, 'trainer')));
    assert.ok(statSync(path.join(trainerDir, 'minillm', '__main__.py')).isFile());
  });
});
