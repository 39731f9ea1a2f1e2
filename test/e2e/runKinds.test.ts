import assert from 'node:assert/strict';
import { appendFileSync, cpSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Frame } from 'playwright-core';
import { until } from '../harness/page';
import { sharedWorkbench } from '../harness/shared';
import type { Workbench } from '../harness/workbench';
import { goBack, readLines, type Recorded, recordedWorkspace, setToWork, writeLines } from './recordedRun';

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

  it('that went back to an earlier checkpoint show the branch that led to the end', async () => {
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
    const notes = (): Promise<string[]> => workbench.page.evaluate(() =>
      [...document.querySelectorAll('.monaco-editor .view-line span[class*="ced-"]')]
        .map((span) => getComputedStyle(span, '::after').content).filter((content) => content.includes('next checkpoint')));
    const file = path.join(recorded.folder, 'inspect.jsonl');
    appendFileSync(file, '{"id": "rhythm", "prompt": "r h y t h m :"}\n');
    await workbench.page.keyboard.press('Control+End');
    await until('a word at the new row', async () => (await notes()).length === 1);
    await workbench.screenshot('inline-new-prompt');

    // The next checkpoint answers it.
    const [newest, next] = ['step-00001700-a1', 'step-00001800-a1'];
    const samples = readLines(path.join(recorded.dir, 'samples', `${newest}.jsonl`)).map((one) => ({ ...one, checkpoint: next, step: 1800 }));
    const [template] = samples;
    const answer = { ...template!, promptId: 'rhythm', prompt: 'r h y t h m :', text: 'R IH DH AH M' };
    writeLines(path.join(recorded.dir, 'samples', `${next}.jsonl`), [...samples, answer]);
    const events = path.join(recorded.dir, 'events.jsonl');
    const told = readLines<{ kind: string; seq: number; checkpoint?: string }>(events);
    const before = told.findLast(({ kind, checkpoint }) => kind === 'samples' && checkpoint === newest);
    appendFileSync(events, `${JSON.stringify({ ...before, seq: told.at(-1)!.seq + 1, checkpoint: next, step: 1800 })}\n`);
    await workbench.page.locator('.codelens-decoration', { hasText: 'step 1800' }).first().waitFor({ timeout: 15_000 });
    await until('the word is gone', async () => (await notes()).length === 0);
    await workbench.page.locator('.tab', { hasText: 'Travel: phonetics' }).click();
    await until('one more moment', async () => await (await travel()).locator('#app').getAttribute('data-moments') === '10');
    await workbench.page.locator('.tab', { hasText: /^pronounce$/ }).first().click();
    await (await panel()).locator('.prompt[data-prompt="rhythm"]', { hasText: 'R IH DH AH M' }).waitFor();
  });

  it('are compared with those of another run @long', async () => {
    const recorded = recordedWorkspace();
    const other = path.join(recorded.folder, 'runs', '20261125-010203-rival');
    cpSync(recorded.dir, other, { recursive: true });
    for (const file of ['run.json', 'status.json']) {
      const text = readFileSync(path.join(other, file), 'utf8').replaceAll(path.basename(recorded.dir), path.basename(other));
      writeFileSync(path.join(other, file), text.replace(/"name": ?"pronounce"/g, '"name":"rival"'));
    }
    await workbench.open(recorded.folder);
    await workbench.runCommand('MiniLLM: Compare Samples Prompt by Prompt');
    await workbench.pick('pronounce');
    await workbench.pick('step 200');
    await workbench.pick('Another run');
    await workbench.page.locator('.quick-input-widget input[placeholder="Its checkpoint"]').waitFor();
    await workbench.answer('step 1700');
    await workbench.page.locator('.tab', { hasText: 'pronounce, step 200 ↔ rival, step 1700' }).waitFor();
    await workbench.page.locator('.multiDiffEntry .char-insert, .multiDiffEntry .line-insert').first().waitFor();
    await workbench.screenshot('compare-runs');
  });
});
