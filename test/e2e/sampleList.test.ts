import assert from 'node:assert/strict';
import { appendFileSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Frame } from 'playwright-core';
import type { Sample } from '../../src/contract/generated';
import { until, violations } from '../harness/page';
import { sharedWorkbench } from '../harness/shared';
import type { Workbench } from '../harness/workbench';
import { recordedWorkspace } from './recordedRun';

const PROMPTS = 500;
const [older, newer, later] = ['step-00000200-a1', 'step-00001700-a1', 'step-00001800-a1'];

/** Gives two checkpoints the samples of as many prompts as anybody inspects: the recorded ones again and again. */
function widen(dir: string): void {
  for (const name of [older, newer, 'teacher']) {
    const file = path.join(dir, 'samples', `${name}.jsonl`);
    const lines = readFileSync(file, 'utf8').trim().split('\n').map((line) => JSON.parse(line) as Sample);
    const many = Array.from({ length: PROMPTS / 20 }, (_, copy) => lines.map((line) => ({ ...line, promptId: copy === 0 ? line.promptId : `${line.promptId}-${copy}` })));
    writeFileSync(file, many.flat().map((line) => `${JSON.stringify(line)}\n`).join(''));
  }
}

interface Seen {
  started: number;
  listed: number;
  touched: string[];
}

/** Milliseconds of the quickest of at most three attempts: what others do on the machine meanwhile is no fault of ours. */
async function quickest(bound: number, attempt: () => Promise<number>): Promise<number> {
  const times: number[] = [];
  while (times.length < 3 && !times.some((time) => time < bound)) times.push(await attempt());
  console.log(`      within ${times.map((time) => time.toFixed(0)).join(', ')} ms`);
  return Math.min(...times);
}

describe('samples of five hundred prompts', function suite() {
  this.timeout(180_000);
  let workbench: Workbench;
  let dir: string;
  const panel = (): Promise<Frame> => workbench.webview('#app[data-events]');

  before(async () => {
    workbench = await sharedWorkbench();
    const recorded = recordedWorkspace();
    ({ dir } = recorded);
    widen(dir);
    writeFileSync(path.join(recorded.folder, 'note.txt'), 'x\n');
    await workbench.open(recorded.folder);
    await workbench.runCommand('View: Close Primary Side Bar');
    await workbench.runCommand('MiniLLM: Open Run Panel');
  });

  const choose = async (frame: Frame, label: string, option: string): Promise<void> => {
    const list = frame.locator(`vscode-dropdown[aria-label="${label}"]`);
    await list.click();
    await list.locator('vscode-option', { hasText: option }).first().click();
  };

  it('are read, compared and listed within half a second, and only those near to what is in view are there', async () => {
    const frame = await panel();
    await frame.locator('.prompt').first().waitFor();
    assert.equal(await frame.locator('.prompt').first().locator('.draw-name').innerText(), 'greedy ×2', 'draws that came out alike are one');
    await frame.evaluate(() => document.getElementById('samples')?.scrollIntoView());
    /** From the choice of what to compare with until the list that compares is painted. */
    const listing = async (): Promise<number> => {
      await choose(frame, 'Compare with', 'nothing');
      await frame.locator('.prompt .change').first().waitFor({ state: 'detached' });
      await frame.evaluate(() => {
        const seen = window as unknown as Seen;
        seen.listed = 0;
        document.querySelector('[aria-label="Compare with"]')!.addEventListener('change', () => (seen.started = performance.now()), { once: true });
        new MutationObserver((_, observer) => {
          if (document.querySelector('.prompt .change') === null) return;
          observer.disconnect();
          requestAnimationFrame(() => (seen.listed = performance.now()));
        }).observe(document.querySelector('.prompts')!, { childList: true, subtree: true });
      });
      await choose(frame, 'Compare with', 'step 200');
      return until('the list', () => frame.evaluate(() => {
        const { started, listed } = window as unknown as Seen;
        return listed > 0 ? listed - started : undefined;
      }));
    };
    const taken = await quickest(500, listing);
    assert.ok(taken < 500, `${taken} ms`);
    // Asked at one moment: rows above the list may still grow, and the list then draws others.
    const [drawn, counted] = await frame.evaluate((size) => ['.prompt', `.prompt[aria-setsize="${size}"]`]
      .map((rows) => document.querySelectorAll(rows).length) as [number, number], PROMPTS);
    assert.ok(drawn < PROMPTS / 5, `${drawn} are drawn`);
    assert.equal(counted, drawn, 'a screen reader hears how many there are');
    assert.equal(await frame.locator('.prompt').first().getAttribute('aria-posinset'), '1');
    assert.deepEqual(await violations(frame), []);
    await workbench.screenshot('samples-500');
  });

  it('are scrolled through without a hole', async () => {
    const frame = await panel();
    const { frames, worst, holes, end } = await frame.evaluate(async () => {
      const times: number[] = [];
      let holes = 0;
      const list = document.querySelector<HTMLElement>('.prompts')!;
      for (let last = performance.now(); list.getBoundingClientRect().bottom > window.innerHeight + 40;) {
        window.scrollBy(0, 240);
        await new Promise(requestAnimationFrame);
        const now = performance.now();
        times.push(now - last);
        last = now;
        const { left, width } = list.getBoundingClientRect();
        // Between two rows there is nothing, but not at three heights.
        const seen = [0.4, 0.5, 0.6].some((down) => document.elementFromPoint(left + 0.1 * width, down * window.innerHeight)?.closest('.prompt'));
        if (!seen) holes++;
      }
      const sorted = times.toSorted((a, b) => a - b);
      return { frames: times.length, worst: sorted.at(-Math.ceil(times.length / 20))!, holes, end: document.querySelectorAll('.prompt').length };
    });
    console.log(`      ${frames} frames, 19 of 20 within ${worst.toFixed(0)} ms`);
    assert.ok(frames > 50, `${frames} frames`);
    assert.ok(holes <= frames / 50, `${holes} holes`);
    assert.ok(worst < 120, `${worst} ms between frames`);
    assert.ok(end < PROMPTS / 5, 'what was left behind is gone');
    await frame.evaluate(() => document.getElementById('samples')?.scrollIntoView());
  });

  it('are filtered by what became of them and by what they hold, with counts, and sorted by change', async () => {
    const frame = await panel();
    const size = async (): Promise<number> => Number(await frame.locator('.prompt').first().getAttribute('aria-setsize'));
    const improved = frame.locator('.filter', { hasText: /^improved \d+$/ });
    const count = Number(/\d+/.exec(await improved.innerText())?.[0]);
    assert.ok(count > 0 && count < PROMPTS);
    await improved.click();
    await frame.locator('.filter[aria-pressed="true"]', { hasText: 'improved' }).waitFor();
    await until(`${count} prompts`, async () => await size() === count);
    await frame.locator('.search').fill('naive');
    await until('a few prompts', async () => {
      const found = await size();
      return found > 0 && found <= PROMPTS / 20;
    });
    await frame.locator('.search').fill('');
    await improved.click();
    await choose(frame, 'Order of prompts', 'most regressed first');
    await frame.locator('.draw.change-regressed').first().waitFor();
    assert.ok(await frame.locator('.prompt').first().locator('.change-regressed').count() > 0);
    await workbench.screenshot('samples-500-worst');
    await choose(frame, 'Order of prompts', 'as in the file');
  });

  it('are gone through by the keyboard, to the far end and back, each to its diff', async () => {
    const frame = await panel();
    const focused = (): Promise<string | null> => frame.evaluate(() => document.activeElement?.getAttribute('aria-posinset') ?? null);
    await frame.locator('.prompt').first().focus();
    for (const [key, place] of [['j', '2'], ['j', '3'], ['k', '2'], ['End', String(PROMPTS)], ['k', String(PROMPTS - 1)], ['Home', '1'], ['j', '2']] as const) {
      await workbench.page.keyboard.press(key);
      await until(`${place} after ${key}`, async () => await focused() === place);
    }
    // Scrolled away it keeps the focus, and is where the next key goes on from.
    await frame.evaluate(() => window.scrollBy(0, 8000));
    await sleep(300);
    assert.equal(await focused(), '2');
    await workbench.page.keyboard.press('j');
    await until('the third', async () => await focused() === '3');
    await workbench.page.keyboard.press('d');
    await workbench.page.locator('.monaco-diff-editor').first().waitFor();
    await workbench.page.locator('.tab', { hasText: /^pronounce$/ }).first().click();
  });

  it('stay where they are, selected and focused, while a checkpoint comes in, and what is as it was is not touched', async () => {
    const frame = await panel();
    await frame.locator('.prompt .change').first().waitFor();
    // In the middle of the list: a button has the focus, a text is selected, another prompt will change.
    await frame.evaluate(() => document.getElementById('samples')?.scrollIntoView());
    await frame.evaluate(() => window.scrollBy(0, 9000));
    await sleep(300);
    const before = await frame.evaluate(() => {
      const cards = [...document.querySelectorAll<HTMLElement>('.prompt')].filter((card) => {
        const { top, bottom } = card.getBoundingClientRect();
        return top > 60 && bottom < window.innerHeight - 20;
      });
      const [first, second, third] = cards as [HTMLElement, HTMLElement, HTMLElement];
      first.querySelector<HTMLElement>('.look')!.focus();
      getSelection()!.selectAllChildren(second.querySelector('.draw-text')!);
      const seen = window as unknown as Seen;
      seen.touched = [];
      new MutationObserver((records) => {
        for (const { target } of records) {
          const card = (target instanceof Element ? target : target.parentElement)?.closest<HTMLElement>('.prompt');
          seen.touched.push(card?.dataset['prompt'] ?? 'list');
        }
      }).observe(document.querySelector('.prompts')!, { subtree: true, childList: true, characterData: true, attributes: true });
      const { top } = first.getBoundingClientRect();
      return { top, page: document.body.scrollHeight, changing: third.dataset['prompt']!, selected: getSelection()!.toString() };
    });
    // The same answers but for one prompt, and a row more in the table of results above.
    const samples = readFileSync(path.join(dir, 'samples', `${newer}.jsonl`), 'utf8').trim().split('\n').map((line) => JSON.parse(line) as Sample)
      .map((sample) => ({ ...sample, checkpoint: later, step: 1800, ...(sample.promptId === before.changing ? { text: 'B R AE N D N UW' } : {}) }));
    writeFileSync(path.join(dir, 'samples', `${later}.jsonl`), samples.map((line) => `${JSON.stringify(line)}\n`).join(''));
    const lines = readFileSync(path.join(dir, 'events.jsonl'), 'utf8').trim().split('\n');
    const events = lines.map((line) => JSON.parse(line) as { seq: number; kind: string; checkpoint?: string; full?: boolean });
    const told = (wanted: (event: (typeof events)[number]) => boolean): object =>
      ({ ...events.findLast(wanted), checkpoint: later, step: 1800 });
    const news = [
      told(({ kind, full }) => kind === 'evaluation' && full === false), told(({ kind, checkpoint }) => kind === 'samples' && checkpoint !== 'teacher'),
    ].map((event, at) => ({ ...event, seq: events.at(-1)!.seq + 1 + at }));
    appendFileSync(path.join(dir, 'events.jsonl'), news.map((event) => `${JSON.stringify(event)}\n`).join(''));
    await frame.locator('.prompt', { hasText: 'AE' }).locator('ins', { hasText: 'N UW' }).first().waitFor();
    await frame.locator('#results', { hasText: 'step 1800' }).waitFor();
    await sleep(500);
    const after = await frame.evaluate(() => ({
      top: document.activeElement!.closest('.prompt')!.getBoundingClientRect().top,
      page: document.body.scrollHeight,
      focused: document.activeElement!.className,
      selected: getSelection()!.toString(),
      touched: [...new Set((window as unknown as Seen).touched)],
    }));
    assert.ok(after.page > before.page + 10, 'the page has grown above');
    assert.ok(Math.abs(after.top - before.top) < 3, `${before.top} → ${after.top}`);
    assert.deepEqual([after.focused, after.selected], ['look', before.selected]);
    assert.deepEqual(after.touched.filter((id) => id !== 'list'), [before.changing]);
  });

  it('are where one left them after a look at one of them, and so is what was searched for', async () => {
    const left = await panel();
    await left.locator('.search').fill('er');
    await left.locator('.prompt').first().waitFor();
    await left.evaluate(() => document.getElementById('samples')?.scrollIntoView());
    await left.evaluate(() => window.scrollBy(0, 5000));
    await sleep(500);
    const seen = await left.evaluate(() => {
      const cards = [...document.querySelectorAll<HTMLElement>('.prompt')].filter((card) => card.getBoundingClientRect().bottom > 60);
      cards[1]!.querySelector<HTMLElement>('.look')!.click();
      return { id: cards[0]!.dataset['prompt']!, top: cards[0]!.getBoundingClientRect().top };
    });
    await workbench.page.locator('.monaco-diff-editor').first().waitFor();
    await workbench.page.locator('.tab', { hasText: /^pronounce$/ }).first().click();
    const frame = await panel();
    const top = (): Promise<number | undefined> =>
      frame.evaluate((id) => document.querySelector(`.prompt[data-prompt="${id}"]`)?.getBoundingClientRect().top, seen.id);
    await until('the prompt', async () => await top() !== undefined);
    await sleep(500); // nothing moves any more
    assert.ok(Math.abs((await top())! - seen.top) < 3, `${seen.top} → ${await top()}`);
    assert.equal(await frame.locator('.search').inputValue(), 'er');
    await workbench.screenshot('samples-500-back');
    await frame.locator('.search').fill('');
  });

  it('are diffed as a set in the editor within a few seconds @long', async () => {
    const opening = async (): Promise<number> => {
      await workbench.runCommand('View: Close All Editors');
      // Nothing of an earlier attempt is remembered: what was read is read again when its file is another.
      for (const name of [older, newer]) utimesSync(path.join(dir, 'samples', `${name}.jsonl`), new Date(), new Date());
      await workbench.runCommand('MiniLLM: Compare Samples Prompt by Prompt');
      await workbench.answer('step 200');
      await sleep(300);
      const started = Date.now();
      await workbench.answer('step 1700');
      await workbench.page.locator('.multiDiffEntry :is(.char-insert, .line-insert)').first().waitFor({ timeout: 30_000 });
      return Date.now() - started;
    };
    const taken = await quickest(4000, opening);
    await workbench.screenshot('samples-500-set');
    // Four seconds on a machine at rest, where 2.1 to 3.1 s were seen; 4.0 s on a slower one.
    assert.ok(taken < 8000, `${taken} ms`);
  });
});
