import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Frame } from 'playwright-core';
import { themes, until, violations } from '../harness/page';
import { sharedWorkbench } from '../harness/shared';
import type { Workbench } from '../harness/workbench';
import { joinWords, recordedWorkspace, takeNames } from './recordedRun';

describe('time travel', function suite() {
  this.timeout(180_000);
  let workbench: Workbench;
  const page = (): Promise<Frame> => workbench.webview('#app[data-moments]');
  const place = async (): Promise<number> => Number(await (await page()).locator('#app').getAttribute('data-place'));

  const untilPlace = (wanted: number): Promise<boolean> => until(`moment ${wanted}`, async () => await place() === wanted, 10_000);

  before(async () => {
    workbench = await sharedWorkbench();
    const recorded = recordedWorkspace();
    joinWords(recorded, 'psych');
    await workbench.open(recorded.folder);
    await workbench.runCommand('MiniLLM: Travel Through a Prompt\'s Answers');
    await workbench.answer('phonetics');
  });

  it('shows the newest answer of a prompt, and goes back by the arrow keys', async () => {
    const frame = await page();
    assert.equal(await frame.locator('#app').getAttribute('data-moments'), '9');
    await untilPlace(8);
    await frame.locator('.time').focus();
    for (const wanted of [7, 6, 5]) {
      await workbench.page.keyboard.press('ArrowLeft');
      await untilPlace(wanted);
    }
    await frame.locator('.answer-step', { hasText: 'step 1200' }).waitFor();
    assert.match(await frame.locator('.time').getAttribute('aria-valuetext') ?? '', /^step 1200: /);
    await workbench.page.keyboard.press('Home');
    await untilPlace(0);
    await workbench.page.keyboard.press('ArrowRight');
    await untilPlace(1);
    assert.ok(await frame.locator('.answer-text ins').count() > 0, 'what changed since the moment before is marked');
    await workbench.screenshot('travel');
  });

  it('plays from checkpoint to checkpoint until the end, or until a key takes over', async () => {
    const frame = await page();
    const play = frame.locator('.tools vscode-button').first();
    await frame.locator('.time').focus();
    await workbench.page.keyboard.press('Home');
    await workbench.page.keyboard.press('Space');
    await until('it plays', async () => await play.innerText() === 'Pause');
    for (const wanted of [1, 2]) await untilPlace(wanted);
    await workbench.page.keyboard.press('ArrowLeft');
    await until('it rests', async () => await play.innerText() === 'Play');
    const there = await place();
    await sleep(1500); // more than a beat
    assert.equal(await place(), there);
    await workbench.page.keyboard.press('End');
    await workbench.page.keyboard.press('ArrowLeft');
    await untilPlace(7);
    await play.click();
    await untilPlace(8);
    await until('its end', async () => await play.innerText() === 'Play');
  });

  it('is spoken once: by the slider while one moves it, else by the page', async () => {
    const frame = await page();
    const spoken = (): Promise<string[]> => frame.evaluate(() => {
      const slider = document.querySelector<HTMLElement>('.time')!;
      const live = [...document.querySelectorAll<HTMLElement>('[aria-live], [role="status"], [role="alert"], output')].map((one) => one.textContent);
      return [...(document.activeElement === slider ? [slider.getAttribute('aria-valuetext') ?? ''] : []), ...live].filter((text) => text !== '');
    });
    await frame.locator('.time').focus();
    await workbench.page.keyboard.press('Home');
    await untilPlace(0);
    assert.deepEqual((await spoken()).map((text) => /^step \d+/.exec(text)?.[0]), ['step 200']);
    await frame.locator('.history .jump', { hasText: /^400/ }).click();
    await untilPlace(1);
    assert.deepEqual((await spoken()).map((text) => /^step \d+/.exec(text)?.[0]), ['step 400']);
  });

  it('marks whole tokens where words are no unit', async () => {
    const choose = async (prompt: string): Promise<void> => {
      await workbench.runCommand('MiniLLM: Travel Through a Prompt\'s Answers');
      await workbench.answer(prompt);
      await (await page()).locator('h1', { hasText: prompt }).waitFor();
    };
    await choose('psych');
    const frame = await page();
    const marks = frame.locator('.history td.text :is(ins, del)');
    await marks.first().waitFor();
    const texts = await marks.allInnerTexts();
    // Every phoneme is a token, and begins with the sign that stands for its space: by characters "-AY" → "-AE" would be "Y" → "E".
    assert.ok(texts.every((text) => /^(-?[A-Z]+)(-[A-Z]+)*$/.test(text)), texts.join(' '));
    assert.ok(texts.some((text) => text.startsWith('-')), texts.join(' '));
    await workbench.screenshot('travel-tokens');
    await choose('phonetics');
    await untilPlace(8);
  });

  it('knows when the answer first changed and when it was first right', async () => {
    const frame = await page();
    await frame.locator('.jump', { hasText: 'first changed at' }).click();
    await untilPlace(1);
    assert.match(await frame.locator('.jumps').innerText(), /(first right at step \d+|never right)/);
    assert.equal(await frame.evaluate(() => document.activeElement?.textContent), 'first changed at step 400', 'it keeps the focus');
  });

  it('pins two moments and sets them side by side in the editor\'s own diff', async () => {
    const frame = await page();
    await frame.locator('vscode-button', { hasText: 'Pin' }).click();
    await frame.locator('.time').focus();
    await workbench.page.keyboard.press('End');
    await untilPlace(8);
    await workbench.page.keyboard.press('p');
    await frame.locator('.pins', { hasText: 'step 400, step 1700' }).waitFor();
    await frame.locator('vscode-button', { hasText: 'Diff the two' }).click();
    await workbench.page.locator('.monaco-diff-editor .char-insert, .monaco-diff-editor .line-insert').first().waitFor();
    await workbench.page.locator('.tab.active', { hasText: 'pronounce: step 400 ↔ step 1700, phonetics' }).waitFor();
    // What differs a little everywhere is no part of the texts that are compared.
    const numbers = await until('numbers beside the answers of both', async () => {
      const found = await workbench.afterLines();
      return found.length >= 4 && found;
    });
    for (const text of numbers) assert.match(text, /^"(error rate [\d.]+ % · )?KL [\d.]+, in all [\d.]+"$/);
    await workbench.screenshot('travel-diff');
    await workbench.page.locator('.tab', { hasText: 'Travel: phonetics' }).click();
  });

  it('is where it was after the window was reloaded', async () => {
    const frame = await page();
    await frame.locator('.time').focus();
    await workbench.page.keyboard.press('ArrowLeft');
    await untilPlace(7);
    await workbench.reload();
    await untilPlace(7);
    await (await page()).locator('.pins', { hasText: 'step 400, step 1700' }).waitFor();
  });

  it('is clean by axe and legible in every theme, and fits into a narrow column', async () => {
    await workbench.runCommand('View: Close Primary Side Bar');
    for (const [theme, name] of themes) {
      await workbench.setTheme(theme);
      assert.deepEqual(await violations(await page()), [], theme);
      await workbench.screenshot(`travel-${name}`);
    }
    await workbench.setTheme('Dark Modern');
    const size = workbench.page.viewportSize()!;
    await workbench.page.setViewportSize({ width: 480, height: 900 });
    try {
      await sleep(300);
      const [wide, room] = await (await page()).evaluate(() => [document.documentElement.scrollWidth, window.innerWidth]);
      assert.ok(wide <= room, `${wide} px in ${room}`);
    } finally {
      await workbench.page.setViewportSize(size);
    }
  });

  /** What the walkthrough and the demo's README tell a newcomer to do. */
  it('follows a word from fine-tuning to the end, to the phoneme where the teacher would have said something else', async () => {
    await workbench.runCommand('MiniLLM: Travel Through a Prompt\'s Answers');
    await workbench.answer('choreography');
    const frame = await page();
    await frame.locator('h1', { hasText: 'choreography' }).waitFor();
    const answer = frame.locator('.answer-text');
    await frame.locator('.time').focus();
    await workbench.page.keyboard.press('Home');
    await until('the first answer', async () => await answer.innerText() === 'K R ER F ER');
    await workbench.page.keyboard.press('ArrowRight');
    await until('the second, with what it replaced', async () => (await answer.locator('del').allInnerTexts()).length > 0);
    await workbench.screenshot('story-travel-early');
    await workbench.page.keyboard.press('End');
    await until('the last answer', async () => (await answer.locator('ins').allInnerTexts()).join(' ').includes('Y'));
    await frame.locator('.targets', { hasText: 'teacher' }).waitFor();
    await workbench.screenshot('story-travel');
    assert.match(await frame.locator('.answer-head').innerText(), /KL [\d.]+ · sequence KL [\d.]+ · \d+ tokens/);
    await frame.locator('vscode-button', { hasText: 'Tokens' }).click();
    await workbench.page.locator('.tab.active', { hasText: 'choreography · step 1700 · greedy' }).waitFor();
    await workbench.page.locator('.monaco-editor .view-line', { hasText: /cost.most/ }).first().click();
    await workbench.page.keyboard.press('n');
    await workbench.page.locator('.statusbar-item', { hasText: /Worst 1 of \d/ }).waitFor();
    await workbench.runCommand('Show or Focus Hover');
    const hover = workbench.page.locator('.monaco-hover', { hasText: 'would say' });
    await hover.waitFor();
    assert.match(await hover.innerText(), /AA\s+[\d.]+\s%\s+\d\d/, 'the teacher prefers another phoneme');
    await workbench.screenshot('story-tokens');
  });

  it('calls prompts by their words where rows have no ids, in lists, on the page and on tabs @long', async () => {
    const recorded = recordedWorkspace();
    takeNames(recorded);
    await workbench.open(recorded.folder);
    await workbench.runCommand('MiniLLM: Travel Through a Prompt\'s Answers');
    const rows = workbench.page.locator('.quick-input-widget .monaco-list-row');
    await rows.filter({ hasText: 'How is the word “cough” pronounced?' }).waitFor();
    await workbench.screenshot('travel-pick-numbered');
    await workbench.answer('choreography');
    const frame = await page();
    await frame.locator('h1', { hasText: 'How is the word “choreography” pronounced?' }).waitFor();
    await workbench.page.locator('.tab.active', { hasText: 'Travel: How is the word “choreography”' }).waitFor();
    await workbench.screenshot('travel-numbered');
    await frame.locator('.choices vscode-dropdown').first().click();
    await frame.locator('vscode-option', { hasText: 'How is the word “cough” pronounced?' }).waitFor();
    await workbench.screenshot('travel-numbered-list');
    await workbench.page.keyboard.press('Escape');
    await frame.locator('vscode-button', { hasText: 'Tokens' }).click();
    await workbench.page.locator('.tab.active', { hasText: /^How is the word “choreog.* · step 1700 · greedy/ }).waitFor();
    await workbench.page.keyboard.press('t');
    await workbench.page.locator('.tab.active', { hasText: /^How is the word “choreog.* · step 1700 · greedy, table/ }).waitFor();
    await workbench.runCommand('MiniLLM: Inspect Tokens');
    await workbench.answer('step 1700');
    await rows.filter({ hasText: 'How is the word “cough” pronounced?' }).first().waitFor();
    await workbench.screenshot('tokens-pick-numbered');
    await workbench.answer('cough');
    await workbench.page.locator('.tab.active', { hasText: /^How is the word “cough.* · step 1700 · greedy/ }).waitFor();
  });
});
