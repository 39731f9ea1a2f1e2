// The editor around the panel: the view, what its keys and commands do to runs, and documents that come back after a reload.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, renameSync } from 'node:fs';
import path from 'node:path';
import { writeRun } from '../host/runFolder';
import { until } from '../harness/page';
import { identityOf } from '../harness/processes';
import { openFreshFolder, sharedWorkbench } from '../harness/shared';
import type { Workbench } from '../harness/workbench';

const answers = { 50: { distill: 'D IH S T AH L', laughter: 'L AO G T ER' }, 100: { distill: 'D IH S T IH L', laughter: 'L AE F T ER' } };
const spec = { id: '20260102-030405-words', name: 'words', state: 'finished', step: 100, total: 100, answers } as const;

describe('the editor', () => {
  it('welcomes who has no runs, and lists runs as they come', async () => {
    const workbench = await openFreshFolder();
    await workbench.showContainer('MiniLLM');
    await workbench.page.locator('.welcome-view-content .monaco-button', { hasText: 'New Config' }).waitFor();
    writeRun(path.join(workbench.folder, 'runs'), spec);
    await workbench.treeRow('words').waitFor();
    assert.equal(await workbench.page.locator('.welcome-view-content .monaco-button', { hasText: 'New Config' }).isVisible(), false);
  });

  it('sets two checkpoints side by side, and does so again after a reload', async () => {
    const workbench = await sharedWorkbench();
    await workbench.treeRow('words').locator('.monaco-tl-twistie').click();
    await workbench.treeRow('step 50').click();
    await workbench.page.locator('.tab .label-name', { hasText: /^step 50$/ }).waitFor();
    await workbench.treeRow('step 100').click({ modifiers: ['Control'] });
    await workbench.chooseInMenu(workbench.treeRow('step 100'), 'Compare Samples Between Checkpoints');
    await bothSides(workbench);
    await workbench.screenshot('sample-diff');
    await workbench.reload();
    await bothSides(workbench);
    await workbench.runCommand('View: Close All Editors');
  });

  it('deletes no run for a row that is none', async () => {
    const workbench = await openFreshFolder();
    const dir = writeRun(path.join(workbench.folder, 'runs'), spec);
    await workbench.showContainer('MiniLLM');
    await workbench.treeRow('words').locator('.monaco-tl-twistie').click();
    // Selected, not opened.
    await workbench.treeRow('Log').click({ modifiers: ['Control'] });
    // The key has its meaning once the editor has told itself what is selected.
    await until('what is said of the key', async () => {
      await workbench.page.keyboard.press('Delete');
      return workbench.notification('Only a whole run').first().waitFor({ timeout: 4000 }).then(() => true, () => false);
    });
    assert.equal(await workbench.page.locator('.monaco-dialog-box').count(), 0, 'it asks whether to delete the run');
    assert.ok(existsSync(path.join(dir, 'run.json')));
  });

  it('asks from the palette which run to delete, whatever row is selected', async () => {
    const workbench = await sharedWorkbench();
    writeRun(path.join(workbench.folder, 'runs'), { ...spec, id: '20260101-030405-tried', name: 'tried' });
    await workbench.treeRow('tried').waitFor();
    await workbench.runCommand('MiniLLM: Delete Run');
    const question = workbench.page.locator('.quick-input-widget', { has: workbench.page.locator('input[placeholder="Run to delete"]') });
    await question.locator('.monaco-list-row', { hasText: 'tried' }).waitFor();
    await workbench.page.keyboard.press('Escape');
  });

  it('says of a run whose folder went away that it did, and closes the pages of one that it deletes', async () => {
    const workbench = await openFreshFolder();
    const dir = writeRun(path.join(workbench.folder, 'runs'), spec);
    await workbench.showContainer('MiniLLM');
    await workbench.treeRow('words').waitFor();
    await workbench.runCommand('MiniLLM: Travel Through a Prompt\'s Answers');
    await workbench.answer('distill');
    await workbench.webview('#app[data-moments]');
    await workbench.runCommand('MiniLLM: Open Run Panel');
    const panel = await workbench.webview('.head[data-state="finished"]');
    renameSync(dir, path.join(workbench.folder, 'away'));
    await panel.locator('.sentence', { hasText: /^This run's folder is gone: put it back to .* to see it again\.$/ }).waitFor();
    assert.equal(await panel.locator('.actions').innerText(), '');
    const tabs = workbench.page.locator('.tab');
    assert.deepEqual((await tabs.allInnerTexts()).map((text) => text.trim()).sort(), ['Travel: distill', 'words']);
    renameSync(path.join(workbench.folder, 'away'), dir);
    await panel.locator('[data-action="fork"]').waitFor();
    await workbench.treeRow('words').waitFor();
    await workbench.runCommand('MiniLLM: Delete Run');
    await workbench.page.locator('.monaco-dialog-box .monaco-button', { hasText: 'Delete Permanently' }).click();
    await until('no page of it', async () => await tabs.count() === 0);
    assert.equal(existsSync(dir), false);
  });

  it('deletes each run that it can, and says which stays and why', async function stays() {
    const workbench = await openFreshFolder();
    const runs = path.join(workbench.folder, 'runs');
    const [big, small] = [writeRun(runs, spec), writeRun(runs, { ...spec, id: '20260101-030405-tried', name: 'tried', answers: {} })];
    const release = keepThere(big);
    if (release === undefined) {
      console.log('      skipped: this user can delete whatever there is on this disk');
      this.skip();
    }
    try {
      await workbench.showContainer('MiniLLM');
      await workbench.treeRow('words').waitFor();
      await workbench.runCommand('MiniLLM: Clean Up Old Runs…');
      // The larger one comes first.
      for (const name of ['words', 'tried']) await workbench.page.locator('.quick-input-widget .monaco-list-row', { hasText: name }).click();
      await workbench.page.keyboard.press('Enter');
      await workbench.page.locator('.monaco-dialog-box .monaco-button', { hasText: 'Delete Permanently' }).click();
      await workbench.notification(/^Not deleted: words: E[A-Z]+: .*words/).waitFor();
      assert.deepEqual([big, small].map((dir) => existsSync(dir)), [true, false]);
      await until('the list without it', async () => await workbench.treeRow('tried').count() === 0);
    } finally {
      release();
    }
  });

  it('cleans up old runs, with what each takes up, and spares one that is resumed while it asks @long', async () => {
    const workbench = await openFreshFolder();
    const runs = path.join(workbench.folder, 'runs');
    const dir = writeRun(runs, { ...spec, state: 'stopped' });
    const other = writeRun(runs, { ...spec, id: '20260101-030405-tried', name: 'tried' });
    await workbench.showContainer('MiniLLM');
    await workbench.treeRow('words').waitFor();
    await workbench.runCommand('MiniLLM: Clean Up Old Runs…');
    const picks = workbench.page.locator('.quick-input-widget .monaco-list-row');
    for (const name of ['words', 'tried']) await picks.filter({ hasText: new RegExp(`${name}.*\\d kB · `) }).click();
    await workbench.page.keyboard.press('Enter');
    const dialog = workbench.page.locator('.monaco-dialog-box', { hasText: 'Delete 2 runs with their checkpoints and samples?' });
    await dialog.waitFor();
    const trainer = spawn('sleep', ['600'], { stdio: 'ignore' });
    try {
      writeRun(runs, { ...spec, state: 'running', process: identityOf(trainer.pid!) });
      await dialog.locator('.monaco-button', { hasText: 'Delete Permanently' }).click();
      await workbench.notification('Not deleted: words is running. Stop it first.').waitFor();
      assert.deepEqual([dir, other].map((one) => existsSync(path.join(one, 'run.json'))), [true, false]);
    } finally {
      trainer.kill();
    }
  });
});

/** Sees to it that a folder cannot be deleted; returns what takes that back. Undefined where that is beyond this user. */
function keepThere(folder: string): (() => void) | undefined {
  if (process.getuid?.() !== 0) {
    chmodSync(folder, 0o555);
    return () => chmodSync(folder, 0o755);
  }
  const change = (flag: string): boolean => spawnSync('chattr', [flag, folder]).status === 0;
  return change('+i') ? () => void change('-i') : undefined;
}

async function bothSides({ page }: Workbench): Promise<void> {
  await page.locator('.tab', { hasText: 'words: step 50 ↔ step 100' }).waitFor({ timeout: 30_000 });
  // Answers are indented, references are not. Monaco writes spaces as no-break spaces.
  await page.locator('.monaco-diff-editor .original .view-line', { hasText: /^\s+L\sAO\sG\sT\sER/ }).waitFor();
  await page.locator('.monaco-diff-editor .modified .view-line', { hasText: /^\s+L\sAE\sF\sT\sER/ }).waitFor();
}
