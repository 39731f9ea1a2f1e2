import assert from 'node:assert/strict';
import { killsUserProcesses } from '../../../src/launch/doctor';
import { doctorLines, type Facts, judge } from '../../../src/present/doctor';

const GIB = 2 ** 30;
const python = { path: '/venv/bin/python', reason: 'Found.', version: '3.12.1', packages: { torch: '2.8.0' }, missing: [], problems: [], devices: ['cpu'] };
const WELL: Facts = {
  platform: 'linux', python, driver: undefined, memory: { free: 8 * GIB, total: 16 * GIB },
  disk: { folder: '/w/runs', free: 100 * GIB, writable: true }, watches: 524_288, logOut: { killsProcesses: false, inUserManager: false, lingers: false },
};

/** The rows that are not good, by name. */
function failing(change: Partial<Facts>): Record<string, string> {
  const rows = judge({ ...WELL, ...change }).filter(({ health }) => health !== 'good');
  for (const { name, fix } of rows) assert.ok(fix !== undefined && fix !== '', `${name} says nothing that mends it`);
  return Object.fromEntries(rows.map(({ name, health, fix }) => [name, `${health}: ${fix ?? ''}`]));
}

describe('the doctor', () => {
  it('finds nothing amiss on a good machine', () => {
    assert.deepEqual(failing({}), {});
    assert.equal(doctorLines(judge(WELL)).at(-1), 'Nothing is amiss.');
  });

  it('gives each fault one fix', () => {
    assert.match(failing({ python: { failure: 'No Python.', fix: 'Install one.' } })['Python'] ?? '', /^bad: Install one\.$/);
    assert.match(failing({ python: { ...python, missing: ['torch>=2.6'] } })['Packages'] ?? '', /^bad: .*pip install "torch>=2\.6"$/);
    assert.match(failing({ driver: '535.1' })['Devices'] ?? '', /^warning: .*CUDA/);
    assert.match(failing({ driver: '535.1', python: { ...python, problems: ['Update the driver.'] } })['Devices'] ?? '', /Update the driver/);
    assert.deepEqual(failing({ driver: '535.1', python: { ...python, devices: ['cuda: A', 'cpu'] } }), {});
    assert.match(failing({ memory: { free: GIB, total: 16 * GIB } })['Memory'] ?? '', /^warning/);
    assert.match(failing({ disk: { folder: '/', free: 2 * GIB, writable: true } })['Disk'] ?? '', /^warning: .*keep/);
    assert.match(failing({ disk: { folder: '/', free: 1000, writable: true } })['Disk'] ?? '', /^bad/);
    assert.match(failing({ disk: { folder: '/', free: undefined, writable: false } })['Disk'] ?? '', /^bad: .*runsFolder/);
    assert.match(failing({ watches: 8192 })['File watches'] ?? '', /sysctl/);
    assert.match(failing({ platform: 'win32' })['System'] ?? '', /WSL/);
  });

  it('knows what ends runs at log-out', () => {
    const linger = 'warning: loginctl enable-linger';
    const { logOut } = WELL;
    assert.equal(failing({ logOut: { ...logOut, killsProcesses: true } })['Log-out'], linger);
    assert.equal(failing({ logOut: { ...logOut, inUserManager: true } })['Log-out'], linger);
    assert.deepEqual(failing({ logOut: { killsProcesses: true, inUserManager: true, lingers: true } }), {});
  });

  it('reads logind as systemd does: comments say nothing, the last word counts', () => {
    assert.equal(killsUserProcesses([]), false);
    assert.equal(killsUserProcesses(['[Login]\n#KillUserProcesses=yes\n']), false);
    assert.equal(killsUserProcesses(['KillUserProcesses=yes\n']), true);
    assert.equal(killsUserProcesses(['KillUserProcesses=yes\n', '[Login]\nKillUserProcesses = no\n']), false);
  });
});
