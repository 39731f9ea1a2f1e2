import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Frame } from 'playwright-core';
import { sharedWorkbench } from '../harness/shared';
import type { Workbench } from '../harness/workbench';
import { recordedWorkspace } from './recordedRun';

const PROMPTS = 500;
const [older, newer] = ['step-00000200-a1', 'step-00001700-a1'];

/** Gives two checkpoints the samples of as many prompts as anybody inspects: the recorded ones again and again. */
function widen(dir: string): void {
  for (const name of [older, newer, 'teacher']) {
    const file = path.join(dir, 'samples', `${name}.jsonl`);
    const lines = readFileSync(file, 'utf8').trim().split('\n').map((line) => JSON.parse(line) as { promptId: string });
    const many = Array.from({ length: PROMPTS / 20 }, (_, copy) => lines.map((line) => ({ ...line, promptId: copy === 0 ? line.promptId : `${line.promptId}-${copy}` })));
    writeFileSync(file, many.flat().map((line) => `${JSON.stringify(line)}\n`).join(''));
  }
}

describe('samples of five hundred prompts', function suite() {
  this.timeout(180_000);
  let workbench: Workbench;
  const panel = (): Promise<Frame> => workbench.webview('#app[data-events]');

  before(async () => {
    workbench = await sharedWorkbench();
    const { folder, dir } = recordedWorkspace();
    widen(dir);
    writeFileSync(path.join(folder, 'note.txt'), 'x\n');
    await workbench.open(folder);
    await workbench.runCommand('View: Close Primary Side Bar');
    await workbench.runCommand('MiniLLM: Open Run Panel');
  });

  const choose = async (frame: Frame, label: string, option: string): Promise<void> => {
    const list = frame.locator(`vscode-dropdown[aria-label="${label}"]`);
    await list.click();
    await list.locator('vscode-option', { hasText: option }).first().click();
  };

  it('are listed at once, and drawn as they come into view', async () => {
    const frame = await panel();
    await frame.locator('.prompt').first().waitFor();
    await frame.evaluate(() => document.getElementById('samples')?.scrollIntoView());
    await frame.evaluate(() => {
      const state = window as unknown as { listed: number };
      const started = performance.now();
      new MutationObserver((_, observer) => {
        if (document.querySelector('.change') === null) return;
        state.listed = performance.now() - started;
        observer.disconnect();
      }).observe(document.querySelector('.prompts')!, { childList: true, subtree: true });
    });
    await choose(frame, 'Compare with', 'step 200');
    await frame.locator('.change').first().waitFor();
    assert.equal(await frame.locator('.prompt').count(), PROMPTS);
    assert.ok(await frame.locator('.draws').count() < PROMPTS / 2, 'what is far away is not drawn yet');
    await workbench.screenshot('samples-500');
  });

  it('are filtered by what became of them and by what they hold, with counts, and sorted by change', async () => {
    const frame = await panel();
    const better = frame.locator('.filter', { hasText: /^better \d+$/ });
    const count = Number(/\d+/.exec(await better.innerText())?.[0]);
    assert.ok(count > 0 && count < PROMPTS);
    const started = Date.now();
    await better.click();
    await frame.locator('.filter[aria-pressed="true"]', { hasText: 'better' }).waitFor();
    assert.equal(await frame.locator('.prompt').count(), count);
    assert.ok(Date.now() - started < 1500);
    await frame.locator('.search').fill('naive');
    const found = await frame.locator('.prompt').count();
    assert.ok(found > 0 && found <= PROMPTS / 20);
    await frame.locator('.search').fill('');
    await better.click();
    await choose(frame, 'Order of prompts', 'worst change first');
    await frame.locator('.draw.change-regressed').first().waitFor();
    const first = frame.locator('.prompt').first();
    assert.equal(await first.locator('.change-regressed').count() > 0, true);
    await workbench.screenshot('samples-500-worst');
  });

  it('are gone through by the keyboard, each to its diff', async () => {
    const frame = await panel();
    await frame.locator('.prompt').first().focus();
    await workbench.page.keyboard.press('j');
    await workbench.page.keyboard.press('j');
    await workbench.page.keyboard.press('k');
    const focused = await frame.evaluate(() => [...document.querySelectorAll('.prompt')].indexOf(document.activeElement!));
    assert.equal(focused, 1);
    await workbench.page.keyboard.press('d');
    await workbench.page.locator('.monaco-diff-editor').first().waitFor();
  });

  it('are diffed as a set in the editor within four seconds', async () => {
    await workbench.runCommand('MiniLLM: Compare Samples Prompt by Prompt');
    await workbench.answer('step 200');
    await sleep(300);
    const started = Date.now();
    await workbench.answer('step 1700');
    await workbench.page.locator('.multiDiffEntry .char-insert, .multiDiffEntry .line-insert, .monaco-component.multiDiffEditor .line-insert').first().waitFor({ timeout: 30_000 });
    const taken = Date.now() - started;
    await workbench.screenshot('samples-500-set');
    // Four seconds by themselves; on cores that others use, too, it is the order of magnitude that is watched.
    assert.ok(taken < 8000, `${taken} ms`);
  });
});
