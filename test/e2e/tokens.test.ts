import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { themes } from '../harness/page';
import { sharedWorkbench } from '../harness/shared';
import type { Workbench } from '../harness/workbench';
import { recordedWorkspace } from './recordedRun';

describe('the token lens', function suite() {
  this.timeout(180_000);
  let workbench: Workbench;

  before(async () => {
    workbench = await sharedWorkbench();
    await workbench.open(recordedWorkspace().folder);
    await workbench.runCommand('View: Close Primary Side Bar');
  });

  const lines = (text: string | RegExp) => workbench.page.locator('.monaco-editor .view-line', { hasText: text });

  it('shows a response coloured by what each token cost, in every theme', async () => {
    await workbench.runCommand('MiniLLM: Inspect Tokens');
    await workbench.answer('step 1700');
    await workbench.answer('choreography');
    await lines(/sequence.KL/).waitFor();
    await lines(/cost.most/).waitFor();
    const codeLens = workbench.page.locator('.codelens-decoration', { hasText: 'Coloured by teacher–student gap' });
    await codeLens.waitFor();
    for (const [theme, name] of themes) {
      await workbench.setTheme(theme);
      await sleep(300);
      await workbench.screenshot(`tokens-${name}`);
    }
    await workbench.setTheme('Dark Modern');
  });

  it('goes to the worst token by key, and tells what both models preferred there', async () => {
    await lines(/cost.most/).click();
    await workbench.page.keyboard.press('n');
    await workbench.page.locator('.statusbar-item', { hasText: /Worst 1 of \d/ }).waitFor();
    await workbench.runCommand('Show or Focus Hover');
    const hover = workbench.page.locator('.monaco-hover', { hasText: 'would say' });
    await hover.waitFor();
    assert.match(await hover.innerText(), /student\s+teacher/);
    assert.match(await hover.innerText(), /token\s5\sof\s10/, 'the worst is the fifth: the hover is of the token that was gone to');
    await workbench.screenshot('tokens-hover');
    await workbench.page.keyboard.press('Escape');
  });

  it('has a table twin, and another measure on a key', async () => {
    await workbench.page.keyboard.press('t');
    await lines(/teacher.*gap.*KL/).waitFor();
    await workbench.screenshot('tokens-table');
    await workbench.runCommand('View: Close Editor');
    await workbench.runCommand('MiniLLM: Inspect Tokens');
    await workbench.answer('step 1700');
    await workbench.answer('psych');
    await lines(/cost.most/).click();
    await workbench.page.keyboard.press('m');
    await workbench.answer('student surprise');
    await lines(/student.surprise,.nats/).waitFor();
    await workbench.screenshot('tokens-surprise');
  });
});
