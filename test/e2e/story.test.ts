import assert from 'node:assert/strict';
import { until } from '../harness/page';
import { sharedWorkbench } from '../harness/shared';
import type { Workbench } from '../harness/workbench';
import { recordedWorkspace } from './recordedRun';

/** What the walkthrough and the demo's README tell a newcomer to do, on a recorded run of the demo. */
describe('one word of the demo', function suite() {
  this.timeout(120_000);
  let workbench: Workbench;

  before(async () => {
    workbench = await sharedWorkbench();
    await workbench.open(recordedWorkspace().folder);
    await workbench.runCommand('View: Close Primary Side Bar');
  });

  it('is followed from fine-tuning to the end, to the phoneme where the teacher would have said something else', async () => {
    await workbench.runCommand('MiniLLM: Travel Through a Prompt\'s Answers');
    await workbench.answer('choreography');
    const page = await workbench.webview('#app[data-moments]');
    const answer = page.locator('.answer-text');
    await page.locator('.time').focus();
    await workbench.page.keyboard.press('Home');
    await until('the first answer', async () => await answer.innerText() === 'K R ER F ER');
    await workbench.page.keyboard.press('ArrowRight');
    await until('the second, with what it replaced', async () => (await answer.locator('del').allInnerTexts()).length > 0);
    await workbench.screenshot('story-travel-early');
    await workbench.page.keyboard.press('End');
    await until('the last answer', async () => (await answer.locator('ins').allInnerTexts()).join(' ').includes('Y'));
    await page.locator('.targets', { hasText: 'teacher' }).waitFor();
    await workbench.screenshot('story-travel');
    await page.locator('vscode-button', { hasText: 'Tokens' }).click();
    await workbench.page.locator('.monaco-editor .view-line', { hasText: /cost.most/ }).first().click();
    await workbench.page.keyboard.press('n');
    await workbench.page.locator('.statusbar-item', { hasText: /Worst 1 of \d/ }).waitFor();
    await workbench.runCommand('Show or Focus Hover');
    const hover = workbench.page.locator('.monaco-hover', { hasText: 'would say' });
    await hover.waitFor();
    assert.match(await hover.innerText(), /AA\s+[\d.]+ %\s+\d\d/, 'the teacher prefers another phoneme');
    await workbench.screenshot('story-tokens');
  });
});
