import assert from 'node:assert/strict';
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Sample } from '../../src/contract/generated';
import { type Change, changeOf } from '../../src/samples/change';
import { pairSamples } from '../../src/samples/pair';
import { until } from '../harness/page';
import { sharedWorkbench } from '../harness/shared';
import type { Workbench } from '../harness/workbench';
import { readLines, recordedWorkspace } from './recordedRun';

describe('answers beside prompts', function suite() {
  this.timeout(180_000);
  let workbench: Workbench;
  let dir: string;

  before(async () => {
    workbench = await sharedWorkbench();
    const recorded = recordedWorkspace();
    dir = recorded.dir;
    const rows = Array.from({ length: 10_000 }, (_, n) => JSON.stringify({ id: `row-${n}`, prompt: `what is ${n} ?` }));
    rows[5000] = readFileSync(path.join(recorded.folder, 'inspect.jsonl'), 'utf8').split('\n')[0]!;
    writeFileSync(path.join(recorded.folder, 'large.jsonl'), `${rows.join('\n')}\n`);
    await workbench.open(recorded.folder);
    await workbench.runCommand('View: Close Primary Side Bar');
    await workbench.openFile('inspect.jsonl');
  });

  const lens = (text: string | RegExp) => workbench.page.locator('.codelens-decoration', { hasText: text });
  const answers = async (): Promise<string[]> => (await workbench.afterLines()).filter((text) => text.includes('→'));
  const untilAnswers = (): Promise<string[]> => until('an answer after a line', async () => {
    const found = await answers();
    return found.length > 0 && found;
  });
  /** Numbers of the lines that have this sign in the gutter. */
  const signed = (sign: string): Promise<string[]> => workbench.page.evaluate((wanted) => {
    const top = (element: Element): number => element.getBoundingClientRect().top;
    const numbers = [...document.querySelectorAll('.monaco-editor .line-numbers')];
    const signs = [...document.querySelectorAll('.monaco-editor .cgmr')].filter((one) => getComputedStyle(one).backgroundImage.includes(wanted));
    return signs.sort((a, b) => top(a) - top(b)).map((one) => numbers.find((number) => Math.abs(top(number) - top(one)) < 4)?.textContent ?? '');
  }, `${sign}.svg`);

  it('stand after each prompt, with scores and ways to look closer above', async () => {
    await lens('step 1700').first().waitFor();
    assert.ok((await untilAnswers()).length >= 10);
    // The editor draws its lenses anew when it has others: one that is gone at that moment has no text.
    await until('a lens in full', async () => /step 1700 · .*Diff.*Travel.*Tokens/s.test(await lens('step 1700').first().innerText()));
    await workbench.page.locator('.statusbar-item', { hasText: 'pronounce, step 1700' }).waitFor();
    await workbench.screenshot('inline-light');
    await workbench.setTheme('Dark Modern');
    await workbench.screenshot('inline-dark');
  });

  it('show in the gutter which became better since the checkpoint before, and which became worse', async () => {
    const [before, newest] = ['step-00001600-a1', 'step-00001700-a1'].map((name) => readLines<Sample>(path.join(dir, 'samples', `${name}.jsonl`)));
    const greedy = pairSamples(before ?? [], newest ?? []).filter(({ draw }) => draw === 0);
    const lineOf = new Map(readLines<{ id: string }>(path.join(workbench.folder, 'inspect.jsonl')).map(({ id }, at) => [id, String(at + 1)]));
    const became = (wanted: Change): (string | undefined)[] =>
      greedy.filter((pair) => changeOf(pair) === wanted).map(({ promptId }) => lineOf.get(promptId));
    const [improved, regressed] = [became('improved'), became('regressed')];
    assert.ok(improved.length > 0 && regressed.length > 0);
    await until('the signs', async () => (await signed('improved')).length > 0);
    assert.deepEqual([await signed('improved'), await signed('regressed')], [improved, regressed]);
  });

  it('tell on hover what every checkpoint answered', async () => {
    await workbench.page.locator('.monaco-editor .view-line', { hasText: 'breakthrough' }).first().hover({ position: { x: 60, y: 8 } });
    const hover = workbench.page.locator('.monaco-hover', { hasText: 'answer' });
    await hover.waitFor();
    await workbench.screenshot('inline-hover');
    assert.match(await hover.innerText(), /answer\s+score\s+KL\s+sequence KL\s+tokens[^]*reference/);
  });

  it('follow a run that goes on, and only then', async () => {
    const later = 'step-00001800-a1';
    const samples = (name: string): string => path.join(dir, 'samples', `${name}.jsonl`);
    const text = readFileSync(samples('step-00001700-a1'), 'utf8').replaceAll('step-00001700-a1', later).replaceAll('"step":1700', '"step":1800');
    writeFileSync(samples(later), text);
    // The list of runs looks again when a run's records change.
    cpSync(path.join(dir, 'status.json'), path.join(dir, 'status.copy'));
    rmSync(path.join(dir, 'status.json'));
    cpSync(path.join(dir, 'status.copy'), path.join(dir, 'status.json'));
    await lens('step 1800').first().waitFor({ timeout: 15_000 });
  });

  it('keep to another checkpoint where that is chosen', async () => {
    await workbench.page.locator('.statusbar-item', { hasText: 'pronounce, step 1800' }).click();
    await workbench.pick('pronounce');
    await sleep(300);
    await workbench.pick(/^step 400/);
    await lens('step 400').first().waitFor();
    await workbench.page.locator('.statusbar-item', { hasText: 'pronounce, step 400' }).waitFor();
  });

  it('are off by one setting', async () => {
    workbench.write('.vscode/settings.json', JSON.stringify({ 'minillm.inlineSamples.enabled': false }));
    await lens('step 400').first().waitFor({ state: 'detached' });
    assert.deepEqual(await answers(), []);
    const item = workbench.page.locator('.statusbar-item', { hasText: 'pronounce, step 400' });
    await item.waitFor({ state: 'detached', timeout: 10_000 });
    await workbench.runCommand('MiniLLM: Show Answers Beside Prompts');
    await workbench.notification('Answers beside prompts are switched off').waitFor({ timeout: 10_000 });
    await workbench.runCommand('Notifications: Clear All Notifications');
    workbench.write('.vscode/settings.json', '{}');
    await lens('step 400').first().waitFor();
    await item.waitFor();
  });

  it('cost nothing in a file of ten thousand rows', async () => {
    await workbench.openFile('large.jsonl');
    const started = Date.now();
    await workbench.page.keyboard.press('Control+G');
    await workbench.answer(':5001');
    assert.equal((await untilAnswers()).length, 1);
    await lens(/step \d+/).first().waitFor();
    const taken = Date.now() - started;
    console.log(`      line 5,001 of 10,000 is answered after ${taken} ms`);
    assert.ok(taken < 8000, `${taken} ms`);
  });
});
