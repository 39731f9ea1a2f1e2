// What the window says without being asked: what guards found, once a rule and run, and that a restart of the machine cut a run off.
import assert from 'node:assert/strict';
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Status } from '../../src/contract/generated';
import { processAlive } from '../../src/rundir/liveness';
import { until } from '../harness/page';
import { python, repo, temporaryFolder } from '../harness/paths';
import { identityOf } from '../harness/processes';
import { openFreshFolder, sharedWorkbench } from '../harness/shared';
import type { Workbench } from '../harness/workbench';
import { writeRun } from '../host/runFolder';
import { writeTinyWorkspace } from '../host/tinyWorkspace';

async function kill(one: Status['trainer']): Promise<void> {
  try {
    if (await processAlive(one)) process.kill(one!.pid, 'SIGKILL');
  } catch {
    // it ended between the look and the signal
  }
}

describe('what the window says by itself', function suite() {
  this.timeout(120_000);
  let workbench: Workbench;

  describe('of what guards found', () => {
    let trainer: ChildProcess;
    let events: string;
    let seq: number;

    const alert = (rule: string, text: string, samples: readonly string[] = []): object =>
      ({ kind: 'alert', step: 9, rule, level: 'warning', text, action: 'alert', numbers: { value: 0.4, limit: 0.31 }, samples });
    const guardSays = (event: object): void => {
      appendFileSync(events, `${JSON.stringify({ v: 1, seq, t: Date.now() / 1000, attempt: 1, ...event })}\n`);
      seq += 1;
    };

    before(async () => {
      trainer = spawn('sleep', ['600'], { stdio: 'ignore' });
      workbench = await openFreshFolder();
      const dir = writeRun(path.join(workbench.folder, 'runs'), {
        id: '20260102-030405-alarmed', name: 'alarmed', state: 'running', step: 9, total: 20, process: identityOf(trainer.pid!),
      });
      events = path.join(dir, 'events.jsonl');
      seq = readFileSync(events, 'utf8').trim().split('\n').length;
      await workbench.showContainer('MiniLLM');
      await workbench.treeRow('alarmed').waitFor();
    });

    after(() => trainer.kill());

    it('tells once of each rule, with the numbers and the responses at hand', async () => {
      guardSays(alert('klRising', 'Reverse KL rose 3 times in a row, from 0.31 to 0.4 nats.', ['la la la', 'la la']));
      const toast = workbench.notification(/alarmed: Step 9: Reverse KL rose 3 times/);
      await toast.waitFor({ timeout: 20_000 });
      await workbench.screenshot('alert');
      await toast.locator('.monaco-button', { hasText: 'Show Responses' }).click();
      const report = workbench.page.locator('.editor-instance .view-lines');
      await report.filter({ hasText: /la\sla\sla/ }).waitFor();
      assert.match((await report.innerText()).replaceAll('\u00a0', ' '), /value 0\.400, limit 0\.310/);
      guardSays(alert('klRising', 'Reverse KL rose 3 times in a row, from 0.4 to 0.5 nats.'));
      await workbench.treeRow(/alarmed.*1 alert/).waitFor();
      await sleep(2000); // several looks at the run
      assert.equal(await workbench.notification(/alarmed/).count(), 0, 'it is told twice');
    });

    it('is silent about a run that was muted, after a reload too @long', async () => {
      guardSays(alert('truncation', '60 % of the sampled answers were cut off; 50 % are allowed.'));
      const toast = workbench.notification(/alarmed: Step 9: 60 % of the sampled answers/);
      await toast.waitFor({ timeout: 20_000 });
      await toast.locator('.monaco-button', { hasText: 'Mute This Run' }).click();
      await toast.waitFor({ state: 'detached' });
      guardSays(alert('repetition', '50 % of the rollouts repeat one token.'));
      await workbench.treeRow(/alarmed.*3 alerts/).waitFor();
      await sleep(2000);
      assert.equal(await workbench.notification(/alarmed/).count(), 0, 'it is not muted');
      await workbench.reload(); // the view that was open is open again
      await workbench.treeRow(/alarmed.*3 alerts/).waitFor({ timeout: 30_000 });
      await sleep(2000);
      assert.equal(await workbench.notification(/alarmed/).count(), 0, 'it is not muted any more');
      await workbench.runCommand('View: Close All Editors');
    });
  });

  it('offers once to resume what a restart of the machine cut off, and does so @long', async () => {
    workbench = await sharedWorkbench();
    const folder = temporaryFolder('restarted');
    const config = path.basename(writeTinyWorkspace(folder, { name: 'cut-off', steps: 3000 }));
    const cli = [path.join(repo, 'dist', 'cli.js'), 'run', config, '--detach', '--json', '--python', python];
    const { dir } = JSON.parse(execFileSync(process.execPath, cli, { cwd: folder, encoding: 'utf8' })) as { dir: string };
    const file = path.join(dir, 'status.json');
    const status = (): Status => JSON.parse(readFileSync(file, 'utf8')) as Status;
    try {
      const { supervisor, trainer } = await until('its first steps', () => status().step > 4 && status(), 60_000);
      for (const one of [supervisor, trainer]) await kill(one);
      await until('their end', async () => !(await processAlive(supervisor)) && !(await processAlive(trainer)), 60_000);
      writeFileSync(file, JSON.stringify({ ...status(), bootId: 'before the restart' }));
      await workbench.open(folder);
      workbench.write('.vscode/settings.json', JSON.stringify({ 'minillm.pythonPath': python }));
      const toast = workbench.notification(/The machine restarted during the run cut-off/);
      await toast.waitFor({ timeout: 30_000 });
      await workbench.screenshot('restarted');
      await toast.locator('.monaco-button', { hasText: 'Resume' }).click();
      const going = await until('its second attempt', () => status().attempt === 2 && status().state === 'running' && status(), 60_000);
      assert.ok(await processAlive(going.trainer));
      assert.ok(going.step >= 2, 'it begins anew');
      await workbench.reload();
      await workbench.page.locator('.part.statusbar', { hasText: 'cut-off' }).waitFor({ timeout: 30_000 });
      await sleep(1500);
      assert.equal(await workbench.notification(/restarted during/).count(), 0, 'it is offered again');
    } finally {
      const { trainer, supervisor } = status();
      for (const one of [supervisor, trainer]) await kill(one);
    }
  });
});
