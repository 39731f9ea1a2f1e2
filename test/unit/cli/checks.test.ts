import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Problem } from '../../../src/contract/generated';
import { python, repo, temporaryFolder } from '../../harness/paths';
import { tinyConfig } from '../launch/tiny';

interface Row {
  readonly name: string;
  readonly health: string;
  readonly text: string;
  readonly fix: string | null;
}

describe('minillm preflight and doctor', function suite() {
  this.timeout(60_000);
  let workspace: string;

  before(() => {
    workspace = temporaryFolder('checks');
    const demo = (name: string): string => path.join(repo, 'demo', name);
    const data = { train: demo('labelled.jsonl.gz'), validation: demo('valid.jsonl'), maxPromptTokens: 16, maxNewTokens: 18 };
    writeFileSync(path.join(workspace, 'good.minillm.jsonc'), tinyConfig({ data }));
    writeFileSync(path.join(workspace, 'cut.minillm.jsonc'), tinyConfig({ data: { ...data, maxNewTokens: 4 } }));
    writeFileSync(path.join(workspace, 'bad.minillm.jsonc'), tinyConfig({ data: { train: 'nowhere.jsonl', validation: 'nowhere.jsonl' } }));
  });

  after(() => rmSync(workspace, { recursive: true }));

  function minillm(...args: string[]): { readonly code: number | null; readonly out: string; readonly err: string } {
    const env = { ...process.env, MINILLM_PYTHON: python, XDG_CACHE_HOME: path.join(workspace, 'cache') };
    const { status, stdout, stderr } = spawnSync(process.execPath, [path.join(repo, 'dist', 'cli.js'), ...args], { cwd: workspace, env, encoding: 'utf8' });
    return { code: status, out: stdout, err: stderr };
  }

  it('find nothing wrong with a config that can run, and start nothing @long', () => {
    const { code, out } = minillm('preflight', 'good.minillm.jsonc');
    assert.equal(code, 0, out);
    const parts = ['tiny: sft → minillm', 'torch ', 'are free in', 'No row is left out', '4 steps of 8 sequences', 'Nothing is amiss.'];
    for (const part of [...parts, 'The teacher finds the references at 0.', 'that are free on this machine']) assert.ok(out.includes(part), out);
    assert.ok(!existsSync(path.join(workspace, 'runs')));
  });

  it('load nothing when only the config is to be looked at', () => {
    const { code, out } = minillm('preflight', 'cut.minillm.jsonc', '--static');
    assert.equal(code, 0, out);
    assert.ok(out.includes('torch ') && !out.includes('Memory'), out);
  });

  it('look at the place that the run would go to, as "run" is told it', () => {
    const [elsewhere, home] = [path.join(workspace, 'elsewhere'), path.join(workspace, 'home')];
    for (const folder of [elsewhere, home]) mkdirSync(folder);
    const disk = (...args: string[]): string | undefined => {
      const { code, out } = minillm('preflight', 'cut.minillm.jsonc', '--static', '--json', ...args);
      assert.equal(code, 0);
      return (JSON.parse(out) as { checks: Row[] }).checks.find(({ name }) => name === 'Disk')?.text;
    };
    assert.match(disk('--runs', 'elsewhere') ?? '', new RegExp(`in ${elsewhere}\\.`));
    assert.match(disk('--workspace', 'home') ?? '', new RegExp(`in ${home}\\.`));
    const nowhere = minillm('preflight', 'cut.minillm.jsonc', '--static', '--runs', 'bad.minillm.jsonc');
    assert.equal(nowhere.code, 2);
    assert.match(nowhere.err, /The runs folder is .*bad\.minillm\.jsonc, but .* is a file: choose another place for runs\./);
    const options = (verb: string): string[] => minillm(verb, '--help').out.split('\n').filter((line) => /--(runs|workspace) /.test(line));
    assert.equal(options('run').length, 2);
    assert.deepEqual(options('preflight').map((line) => line.trim().replace(/ +/g, ' ')), options('run').map((line) => line.trim().replace(/ +/g, ' ')));
  });

  it('bring what would mend it with each note on models and data, and let the run start @long', () => {
    const { code, out } = minillm('preflight', 'cut.minillm.jsonc', '--json');
    assert.equal(code, 0);
    const { checks, problems } = JSON.parse(out) as { checks: Row[]; problems: Problem[] };
    const cut = problems.find(({ text }) => text.includes('labelled.jsonl.gz'));
    assert.match(cut?.text ?? '', /answers of .* are cut off at data\.maxNewTokens = 4/);
    assert.equal(cut?.pointer, '/data/maxNewTokens');
    assert.equal(cut.severity, 'warning');
    assert.deepEqual(cut.edits.length, 1);
    assert.equal(checks.find(({ name }) => name === 'Lengths')?.health, 'warning');
  });

  it('name the key of a config that cannot', () => {
    const { code, err } = minillm('preflight', 'bad.minillm.jsonc');
    assert.equal(code, 2);
    assert.match(err, /bad\.minillm\.jsonc:\d+:\d+: .*nowhere\.jsonl/);
    const { problems } = JSON.parse(minillm('preflight', 'bad.minillm.jsonc', '--json').out) as { problems: { pointer: string }[] };
    assert.ok(problems.some(({ pointer }) => pointer === '/data/train'));
  });

  it('say of a Python that cannot train what it lacks, with one fix', () => {
    const empty = path.join(workspace, 'empty');
    mkdirSync(empty);
    const { status } = spawnSync(python, ['-m', 'venv', '--without-pip', empty]);
    assert.equal(status, 0);
    const { code, out } = minillm('doctor', '--json', '--python', path.join(empty, 'bin', 'python'));
    const { checks } = JSON.parse(out) as { checks: Row[] };
    assert.equal(code, 1);
    const row = checks.find(({ health }) => health === 'bad');
    assert.match(`${row?.text ?? ''} ${row?.fix ?? ''}`, /lacks .*torch.*pip install/);
    for (const { health, fix } of checks) assert.equal(fix === null, health === 'good');
  });

  it('look at all that a run depends on', () => {
    const { code, out } = minillm('doctor', '--json');
    const { checks } = JSON.parse(out) as { checks: Row[] };
    assert.equal(code, 0, out);
    for (const name of ['Python', 'Packages', 'Devices', 'Memory', 'Disk', 'Log-out']) assert.ok(checks.some((one) => one.name === name), name);
  });
});
