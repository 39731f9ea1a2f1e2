// A folder that nobody trusts: its runs can be read, and nothing that it holds makes anything start.
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { chmodSync, existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { temporaryFolder } from '../harness/paths';
import { descendants } from '../harness/processes';
import { Workbench, writeFiles } from '../harness/workbench';
import { writeRun } from '../host/runFolder';

const CONFIG = '{ "name": "trap", "teacher": { "model": "t" }, "student": { "model": "s" }, "data": { "train": "x.jsonl", "validation": "x.jsonl" }, "phases": [] }\n';

function startTime(pid: number): string {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
}

describe('in an untrusted folder', function suite() {
  this.timeout(120_000);
  let workbench: Workbench;
  let trainer: ChildProcess;
  let dir: string;
  let folder: string;

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
    const process = { pid: trainer.pid!, startTime: startTime(trainer.pid!) };
    const answers = { 5: { distill: 'D IH S T AH L' } };
    dir = writeRun(path.join(folder, 'runs'), {
      id: '20260102-030405-orphan', name: 'orphan', state: 'running', step: 9, total: 20, process, answers, status: { supervisor: { pid: 999_999, startTime: '1' } },
    });
    workbench = await Workbench.start({ untrusted: true, name: 'untrusted' });
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
});
