import assert from 'node:assert/strict';
import { appendFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import type { Frame, Locator } from 'playwright-core';
import { themes, until } from '../harness/page';
import { sharedWorkbench } from '../harness/shared';
import type { Workbench } from '../harness/workbench';
import { type Painted, watchPainting } from './painted';
import { addRival, comeTo, goBack, readLines, type Recorded, recordedWorkspace, setToWork } from './recordedRun';

describe('samples of a run', function suite() {
  this.timeout(180_000);
  let workbench: Workbench;
  const panel = (): Promise<Frame> => workbench.webview('#app[data-events]');
  const travel = (): Promise<Frame> => workbench.webview('#app[data-moments]');
  const options = async (label: string): Promise<string[]> =>
    (await panel()).locator(`vscode-dropdown[aria-label="${label}"] vscode-option`).allTextContents();

  before(async () => {
    workbench = await sharedWorkbench();
  });

  async function open(recorded: Recorded): Promise<void> {
    await workbench.open(recorded.folder);
    await workbench.runCommand('View: Close Primary Side Bar');
    await workbench.runCommand('MiniLLM: Open Run Panel');
    await (await panel()).locator('.prompt .draw').first().waitFor();
  }

  it('that went back to an earlier checkpoint show the branch that led to the end @long', async () => {
    const recorded = recordedWorkspace();
    goBack(recorded);
    await open(recorded);
    const frame = await panel();
    const steps = await until('the checkpoints', async () => {
      const found = await options('Checkpoint whose samples are shown');
      return found.length > 1 && found;
    });
    assert.deepEqual(steps, [
      'newest: step 1400 (attempt 2)', 'step 1400 (attempt 2)', 'step 1200 (attempt 2)', 'step 1000', 'step 800', 'step 600', 'step 400', 'step 200',
      'step 1200, discarded', 'step 1400, discarded',
    ]);
    const last = readLines<{ promptId: string; text: string }>(path.join(recorded.dir, 'samples', 'step-00001400-a2.jsonl'));
    assert.ok((await frame.locator('.prompt').first().innerText()).includes(last[0]!.text), 'the newest is that of the second attempt');
    await frame.locator('.results tbody th', { hasText: 'discarded' }).first().waitFor({ state: 'attached' });
    await frame.evaluate(() => document.getElementById('results')?.scrollIntoView());
    await workbench.screenshot('branch-panel');

    await workbench.runCommand('MiniLLM: Travel Through a Prompt\'s Answers');
    await workbench.answer('phonetics');
    const page = await travel();
    assert.equal(await page.locator('#app').getAttribute('data-moments'), '7');
    await page.locator('.jumps', { hasText: '2 checkpoints of a discarded branch left out' }).waitFor();
    await page.locator('.ends', { hasText: 'step 1400 (attempt 2)' }).waitFor();
    await workbench.screenshot('branch-travel');

    await workbench.runCommand('MiniLLM: Compare Samples Between Checkpoints');
    const rows = workbench.page.locator('.quick-input-widget .monaco-list-row');
    await rows.filter({ hasText: 'step 1400, discarded' }).first().waitFor();
    await workbench.answer('step 1200 (attempt 2)');
    await rows.filter({ hasText: 'reference' }).first().waitFor();
    await workbench.pick('step 1400 (attempt 2)');
    await workbench.page.locator('.tab', { hasText: 'step 1200 (attempt 2) ↔ step 1400 (attempt 2)' }).waitFor();
  });

  it('at work follow it in diff, travel and beside prompts; a prompt that is typed is answered from the next checkpoint on', async () => {
    const recorded = recordedWorkspace();
    setToWork(recorded);
    await open(recorded);
    await (await panel()).locator('.head[data-state="running"]').waitFor();
    await workbench.runCommand('MiniLLM: Travel Through a Prompt\'s Answers');
    await workbench.answer('phonetics');
    await travel();
    await workbench.openFile('inspect.jsonl');
    const notes = async (): Promise<string[]> => (await workbench.afterLines()).filter((text) => text.includes('next checkpoint'));
    const file = path.join(recorded.folder, 'inspect.jsonl');
    appendFileSync(file, '{"id": "rhythm", "prompt": "r h y t h m :"}\n');
    await workbench.page.keyboard.press('Control+End');
    await until('a word at the new row', async () => (await notes()).length === 1);
    await workbench.screenshot('inline-new-prompt');

    // The next checkpoint answers it.
    comeTo(recorded, 1800, (samples) => [...samples, { ...samples[0], promptId: 'rhythm', prompt: 'r h y t h m :', text: 'R IH DH AH M' }]);
    await workbench.page.locator('.codelens-decoration', { hasText: 'step 1800' }).first().waitFor({ timeout: 15_000 });
    await until('the word is gone', async () => (await notes()).length === 0);
    await workbench.page.locator('.tab', { hasText: 'Travel: phonetics' }).click();
    await until('one more moment', async () => await (await travel()).locator('#app').getAttribute('data-moments') === '10');
    await workbench.page.locator('.tab', { hasText: /^pronounce$/ }).first().click();
    await (await panel()).locator('.prompt[data-prompt="rhythm"]', { hasText: 'R IH DH AH M' }).waitFor();
  });

  it('at work keep a diff as it was scrolled to, and answers and lenses without a gap, while checkpoints come in @long', async () => {
    const recorded = recordedWorkspace();
    setToWork(recorded);
    await workbench.open(recorded.folder);
    await workbench.runCommand('View: Close Primary Side Bar');
    await workbench.openFile('inspect.jsonl');
    const lens = (text: string) => workbench.page.locator('.codelens-decoration', { hasText: text }).first();
    await lens('step 1700').waitFor();
    await workbench.runCommand('View: Split Editor Down');
    await workbench.runCommand('MiniLLM: Compare Samples Between Checkpoints');
    await workbench.answer('step 200');
    await workbench.pick(/^step 1400/);
    const right = workbench.page.locator('.monaco-diff-editor .editor.modified');
    await right.locator('.char-insert').first().waitFor();
    await right.hover();
    const heading = right.locator('.view-line', { hasText: /^###\sroughest/ });
    // The editor itself goes to the first change once it knows it.
    await until('the middle of the diff', async () => {
      await workbench.page.mouse.wheel(0, 60);
      const [place, room] = [await heading.boundingBox({ timeout: 500 }).catch(() => null), await right.boundingBox()];
      return place !== null && room !== null && place.y < room.y + room.height / 2;
    });
    await heading.dblclick({ position: { x: 60, y: 8 } });
    await right.locator('.selected-text').first().waitFor();
    const painted = await watchPainting(workbench.page);
    const newest = (frames: readonly Painted[]): readonly string[] => frames.at(-1)?.answers ?? [];
    await until('the answers', async () => newest(await painted()).length > 4);
    const before = (await painted()).length - 1;
    for (const step of [1800, 1900]) {
      comeTo(recorded, step, (samples) => samples.map((sample) => ({ ...sample, text: `${step} ${String(sample['text'])}` })));
      await lens(`step ${step}`).waitFor({ timeout: 15_000 });
      await until('its answers', async () => newest(await painted()).every((answer) => answer.includes(`→ ${step} `)));
    }
    const frames = (await painted()).slice(before);
    const [first] = frames as [Painted];
    const shows = (what: string): boolean => first.diff.some((line) => line.includes(what));
    assert.ok(shows('selected-text') && shows('char-insert') && !shows('cough'), 'in the middle of the diff something is selected');
    for (const { diff, answers, lenses } of frames) {
      assert.deepEqual(diff, first.diff);
      assert.deepEqual([answers.length, lenses.length], [first.answers.length, first.lenses.length]);
    }
    await workbench.screenshot('live-diff');
  });

  it('are compared by a key in the tree: two checkpoints of a run, or one each of two runs', async () => {
    const recorded = recordedWorkspace();
    rmSync(path.join(recorded.dir, 'samples', 'step-00000400-a1.tokens.jsonl'));
    addRival(recorded, 'rival');
    await workbench.open(recorded.folder);
    await workbench.showContainer('MiniLLM');
    // The key has its meaning in the tree, from which a diff that is drawn late takes the focus, once the editor knows what is selected.
    const answered = (by: Locator): Promise<boolean> => until(String(by), async () => {
      await workbench.page.keyboard.press('Control+0');
      await workbench.page.keyboard.press('Control+D');
      if (await by.waitFor({ timeout: 5000 }).then(() => true, () => false)) return true;
      await workbench.page.keyboard.press('Escape');
      return false;
    });
    const compared = (title: string): Promise<boolean> => answered(workbench.page.locator('.tab', { hasText: title }));
    // Marked, not opened: rows of the tree keep the focus.
    const mark = (row: Locator): Promise<void> => row.click({ modifiers: ['Control'] });
    await workbench.treeRow('pronounce').locator('.monaco-tl-twistie').click();
    await mark(workbench.treeRow('step 1400'));
    await mark(workbench.treeRow('step 200'));
    await compared('pronounce: step 200 ↔ step 1400');
    await mark(workbench.treeRow('step 1400'));
    await workbench.treeRow('rival').locator('.monaco-tl-twistie').click();
    const first = workbench.treeRow('step 1700').and(workbench.page.locator('[data-index="1"]'));
    await mark(first);
    await compared('pronounce, step 200 ↔ rival, step 1700');
    await mark(first);
    await answered(workbench.page.locator('.quick-input-widget input[placeholder="Compare step 200 with"]'));
    await workbench.page.keyboard.press('Escape');
  });

  it('take up what is told where one points at a checkpoint, less where its tokens were thinned', async () => {
    const told = async (step: number): Promise<string> => {
      const sheet = workbench.page.locator('.workbench-hover', { hasText: `step ${step}` });
      // A tree that is drawn anew takes the hover away: one points at the row again.
      await until(`what is told of step ${step}`, async () => {
        await workbench.page.mouse.move(0, 0);
        await workbench.treeRow(`step ${step}`).first().hover();
        return sheet.waitFor({ timeout: 3000 }).then(() => true, () => false);
      });
      return sheet.innerText();
    };
    assert.match(await told(200), /Samples\s+14\.\d\skB,\stoken\sby\stoken\s97\.1\skB/);
    assert.match(await told(400), /Samples\s+14\.\d\skB\n/);
  });

  it('are compared with those of another run @long', async () => {
    const recorded = recordedWorkspace();
    addRival(recorded, 'rival');
    await workbench.open(recorded.folder);
    await workbench.runCommand('MiniLLM: Compare Samples Prompt by Prompt');
    await workbench.pick('pronounce');
    await workbench.pick('step 200');
    await workbench.pick('Another run');
    await workbench.page.locator('.quick-input-widget input[placeholder="Its checkpoint"]').waitFor();
    await workbench.answer('step 1700');
    const shown = async (): Promise<void> => {
      await workbench.page.locator('.tab', { hasText: 'pronounce, step 200 ↔ rival, step 1700' }).waitFor();
      await workbench.page.locator('.multiDiffEntry :is(.char-insert, .line-insert)').first().waitFor();
      await until('numbers beside answers', async () => (await workbench.afterLines()).some((text) => text.includes(', in all ')));
    };
    await shown();
    for (const [theme, name] of themes) {
      await workbench.setTheme(theme);
      await workbench.screenshot(`compare-runs-${name}`);
    }
    await workbench.reload();
    await shown();
  });
});
