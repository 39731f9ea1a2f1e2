import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
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
    writeFileSync(path.join(workspace, 'good.minillm.jsonc'), tinyConfig({}));
    writeFileSync(path.join(workspace, 'bad.minillm.jsonc'), tinyConfig({ data: { train: 'nowhere.jsonl', validation: 'nowhere.jsonl' } }));
  });

  after(() => rmSync(workspace, { recursive: true }));

  function minillm(...args: string[]): { readonly code: number | null; readonly out: string; readonly err: string } {
    const env = { ...process.env, MINILLM_PYTHON: python, XDG_CACHE_HOME: path.join(workspace, 'cache') };
    const { status, stdout, stderr } = spawnSync(process.execPath, [path.join(repo, 'dist', 'cli.js'), ...args], { cwd: workspace, env, encoding: 'utf8' });
    return { code: status, out: stdout, err: stderr };
  }

  it('find nothing wrong with a config that can run, and start nothing', () => {
    const { code, out } = minillm('preflight', 'good.minillm.jsonc');
    assert.equal(code, 0, out);
    for (const part of ['tiny: sft → minillm', 'torch ', 'are free in']) assert.ok(out.includes(part), out);
    assert.ok(!existsSync(path.join(workspace, 'runs')));
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
