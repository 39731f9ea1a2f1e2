// A folder that nobody trusts: its runs can be read, and nothing that it holds makes anything start.
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { chmodSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Status } from '../../src/contract/generated';
import { processAlive } from '../../src/rundir/liveness';
import { until } from '../harness/page';
import { python, repo, temporaryFolder } from '../harness/paths';
import { descendants, identityOf } from '../harness/processes';
import { Workbench, writeFiles } from '../harness/workbench';
import { writeRun } from '../host/runFolder';

const CONFIG = '{ "name": "trap", "teacher": { "model": "t" }, "student": { "model": "s" }, "data": { "train": "x.jsonl", "validation": "x.jsonl" }, "phases": [] }\n';

/** Another extension: once a file asks for it, it executes commands by their names, as a link in a text does, and heeds no manifest. */
const CALLER = `
const { existsSync, readFileSync, writeFileSync } = require('node:fs');
const vscode = require('vscode');
exports.activate = () => {
  const look = setInterval(() => {
    const file = __dirname + '/ask.json';
    if (!existsSync(file)) return;
    clearInterval(look);
    const { commands, argument } = JSON.parse(readFileSync(file, 'utf8'));
    const answers = commands.map((id) => vscode.commands.executeCommand(id, argument).then(() => id, (error) => id + ': ' + error));
    const late = new Promise((resolve) => setTimeout(resolve, 5000, 'late'));
    Promise.all(answers.map((answer) => Promise.race([answer, late]))).then((all) => writeFileSync(__dirname + '/answers.json', JSON.stringify(all)));
  }, 100);
};
`;

/** Installs it beside the extension under test, before a window is open. Returns its folder. */
function installCaller(data: string): string {
  const folder = path.join(data, 'caller');
  const capabilities = { untrustedWorkspaces: { supported: true } };
  const manifest = { name: 'caller', publisher: 'test', version: '0.0.1', engines: { vscode: '^1.100.0' }, main: './main.js', activationEvents: ['*'], capabilities };
  writeFiles(folder, { 'package.json': JSON.stringify(manifest), 'main.js': CALLER });
  const list = path.join(data, 'extensions', 'extensions.json');
  const known = JSON.parse(readFileSync(list, 'utf8')) as unknown[];
  const record = { identifier: { id: 'test.caller' }, version: '0.0.1', location: { $mid: 1, scheme: 'file', path: folder } };
  writeFileSync(list, JSON.stringify([...known, record]));
  return folder;
}

/** Commands that the manifest offers in a trusted workspace alone. */
function trustedOnly(): string[] {
  interface Manifest { readonly contributes: { readonly commands: readonly { readonly command: string; readonly enablement?: string }[] } }
  const { contributes } = JSON.parse(readFileSync(path.join(repo, 'package.json'), 'utf8')) as Manifest;
  return contributes.commands.filter(({ enablement }) => enablement?.includes('isWorkspaceTrusted')).map(({ command }) => command);
}

describe('in an untrusted folder', function suite() {
  this.timeout(120_000);
  let workbench: Workbench;
  let trainer: ChildProcess;
  let dir: string;
  let folder: string;
  let caller: string;

  before(async () => {
    folder = temporaryFolder('untrusted');
    writeFiles(folder, {
      'trap.minillm.jsonc': CONFIG,
      'trap/python': `#!/bin/sh\ntouch '${folder}/sprung'\n`,
      '.venv/bin/python': `#!/bin/sh\ntouch '${folder}/sprung'\n`,
      '.vscode/settings.json': JSON.stringify({ 'minillm.pythonPath': path.join(folder, 'trap', 'python'), 'minillm.runsFolder': 'elsewhere' }),
      '.minillm/open.json': JSON.stringify({ run: '20260102-030405-orphan', panel: true }),
    });
    for (const trap of ['trap/python', '.venv/bin/python']) chmodSync(path.join(folder, trap), 0o755);
    // Its trainer lives and its supervisor does not: a trusted window would start another one.
    trainer = spawn('sleep', ['600'], { stdio: 'ignore' });
    const process = identityOf(trainer.pid!);
    const answers = { 5: { distill: 'D IH S T AH L' } };
    dir = writeRun(path.join(folder, 'runs'), {
      id: '20260102-030405-orphan', name: 'orphan', state: 'running', step: 9, total: 20, process, answers, status: { supervisor: { pid: 999_999, startTime: '1' } },
    });
    workbench = await Workbench.start({ untrusted: true, name: 'untrusted' });
    caller = installCaller(workbench.data);
    await workbench.open(folder);
  });

  after(async () => {
    trainer.kill();
    await workbench.stop();
  });

  it('runs are shown, and the panel says why it controls nothing', async () => {
    await workbench.showContainer('MiniLLM');
    await workbench.treeRow('orphan').waitFor();
    const frame = await workbench.webview('#app[data-events]');
    const stop = frame.locator('[data-action="stop"]');
    await stop.waitFor();
    assert.equal(await stop.getAttribute('aria-disabled'), 'true');
    assert.match(await stop.getAttribute('title') ?? '', /not trusted/);
    assert.equal(await frame.locator('[data-action="log"]').getAttribute('aria-disabled'), null);
    await workbench.screenshot('untrusted');
    await stop.click();
    assert.deepEqual(readdirSync(path.join(dir, 'control')).filter((name) => name.endsWith('.json')), []);
  });

  it('nothing is started: no Python is probed, no config checked, no trainer adopted', async () => {
    await workbench.openFile('trap.minillm.jsonc');
    // Longer than the pause before a check and several looks at the runs.
    await sleep(4000);
    assert.ok(!existsSync(path.join(folder, 'sprung')), 'a program of the folder was run');
    const hosts = workbench.extensionHosts();
    assert.equal(hosts.length, 1);
    const started = hosts.flatMap((pid) => descendants(pid)).map(({ command }) => command).filter((command) => /python/.test(command));
    assert.deepEqual(started, []);
    assert.equal(readFileSync(path.join(dir, 'log.txt'), 'utf8'), 'loading the teacher\n', 'a supervisor wrote into the log');
    assert.equal(await workbench.page.locator('.codelens-decoration', { hasText: 'Run distillation' }).count(), 0);
  });

  it('commands that start or control something are not offered', async () => {
    await workbench.page.keyboard.press('F1');
    await workbench.page.keyboard.type('MiniLLM: ');
    const rows = workbench.page.locator('.quick-input-list .monaco-list-row');
    await rows.filter({ hasText: 'Open Run Panel' }).first().waitFor();
    const offered = await rows.allTextContents();
    for (const title of ['Run Distillation', 'Stop Run', 'Resume Run', 'Fork Run', 'Delete Run', 'Select Python Environment', 'Doctor']) {
      assert.ok(!offered.some((row) => row.includes(`MiniLLM: ${title}`)), `${title} is offered`);
    }
    await workbench.page.keyboard.press('Escape');
  });

  it('what executes such a command all the same, a link or another extension, starts nothing', async () => {
    const commands = trustedOnly();
    assert.ok(commands.length > 10);
    writeFileSync(path.join(caller, 'ask.json'), JSON.stringify({ commands, argument: { dir } }));
    const file = path.join(caller, 'answers.json');
    for (const deadline = Date.now() + 20_000; !existsSync(file); await sleep(100)) assert.ok(Date.now() < deadline, 'the commands were not executed');
    // A probe that was begun shows within this.
    await sleep(1000);
    assert.ok(!existsSync(path.join(folder, 'sprung')), 'a program of the folder was run');
    assert.deepEqual(JSON.parse(readFileSync(file, 'utf8')), commands, 'a command waits for an answer, or failed');
    const started = workbench.extensionHosts().flatMap((pid) => descendants(pid)).map(({ command }) => command).filter((command) => /python/.test(command));
    assert.deepEqual(started, []);
    assert.deepEqual(readdirSync(path.join(dir, 'control')).filter((name) => name.endsWith('.json')), []);
    assert.ok(existsSync(path.join(dir, 'run.json')));
    await workbench.notification('not trusted').first().waitFor();
  });

  it('the status of a config leads to trust, not to a Python', async () => {
    await workbench.page.locator('.statusbar-item[id="status.languageStatus"]').hover();
    const links = workbench.page.locator('.hover-language-status .link, .hover-language-status a');
    await links.first().waitFor();
    const titles = await links.allTextContents();
    assert.ok(titles.some((title) => /Trust/.test(title)), titles.join());
    assert.ok(!titles.some((title) => /Select/.test(title)), titles.join());
  });

  it('trust that is given later makes what is open live, without a reload', async () => {
    const { page } = workbench;
    const hosts = workbench.extensionHosts();
    const tab = (name: string) => page.locator('.tab', { hasText: name }).first();
    // What the settings name is no trap any more.
    writeFiles(folder, { '.vscode/settings.json': JSON.stringify({ 'minillm.pythonPath': python }) });
    await tab('orphan').click();
    await workbench.webview('[data-action="stop"][aria-disabled="true"]');
    await workbench.runCommand('Workspaces: Manage Workspace Trust');
    await page.locator('.workspace-trust-editor .monaco-button', { hasText: 'Trust' }).first().click();
    const status = (): Status => JSON.parse(readFileSync(path.join(dir, 'status.json'), 'utf8')) as Status;
    await until('a supervisor for the trainer', () => processAlive(status().supervisor));
    await page.locator('.monaco-modal-editor-block .codicon-close').first().click(); // the trust editor lies over the others
    await page.locator('.monaco-modal-editor-block').waitFor({ state: 'detached' });
    await tab('trap.minillm.jsonc').click();
    await page.locator('.codelens-decoration', { hasText: 'Run distillation' }).first().waitFor();
    await tab('orphan').click();
    const frame = await workbench.webview('[data-action="stop"]:not([aria-disabled])');
    await frame.locator('[data-action="stop"]').click();
    await frame.locator('.head[data-state="stopping"]').waitFor();
    assert.deepEqual(workbench.extensionHosts(), hosts, 'the window was reloaded');
    trainer.kill('SIGKILL');
    await until('the end of the supervisor', async () => !(await processAlive(status().supervisor)));
  });
});
