import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Frame } from 'playwright-core';
import { themes, until } from '../harness/page';
import { sharedWorkbench } from '../harness/shared';
import type { Workbench } from '../harness/workbench';
import { readLines, recordedWorkspace, writeLines } from './recordedRun';

/** What a student may write: to be seen as it is, and to do nothing. Earlier and later answer of each prompt. */
const answers: Readonly<Record<string, readonly [earlier: string, later: string]>> = {
  html: ['<b>bold</b> text', '<img src=x onerror="document.title=\'owned\'"><script>owned()</script> **bold** [link](command:workbench.action.quit) $(gear) &lt;'],
  ansi: ['plain', '\u001b[31mred\u001b[0m \u0007bell \u001b]0;owned\u0007 back\bspace \r return'],
  bidi: ['user: guest', 'user: \u202eadmin\u202c \u2066isolated\u2069 \u200brlm\u200f line\u2028separator soft\u00adhyphen'],
  long: [`one ${'word '.repeat(20)}`, `begin ${'lorem ipsum '.repeat(90_000)}end`],
  surrogate: ['ab', 'lone \ud800 and \udc00, whole 😀, half \ufffd, joined 👩\u200d🔬'],
  nothing: ['something', ''],
  '<i>"id"\u202e&': ['a', 'b | c'],
};
const [older, newer] = ['step-00000200-a1', 'step-00001700-a1'];

function spoil(folder: string, dir: string): void {
  const samples = (name: string): string => path.join(dir, 'samples', `${name}.jsonl`);
  for (const [place, name] of [[0, older], [1, newer], [1, 'teacher']] as const) {
    const [template] = readLines(samples(name));
    writeLines(samples(name), Object.entries(answers).map(([promptId, texts]) => ({
      ...template!, promptId, prompt: `say ${promptId} :`, text: texts[place], ids: [], length: texts[place] === '' ? 0 : 4,
      references: [`${texts[0]} | \u202e<b>`],
    })));
  }
  writeLines(path.join(folder, 'inspect.jsonl'), Object.keys(answers).map((id) => ({ id, prompt: `say ${id} :` })));
  const run = path.join(dir, 'run.json');
  const record = JSON.parse(readFileSync(run, 'utf8')) as object;
  writeFileSync(run, JSON.stringify({ ...record, name: '<b>run</b> \u202egnp.exe $(gear) \u001b[31m' }));
  // Tokens: half of a character first, markup, a token of a megabyte, an empty response.
  const [template] = readLines(path.join(dir, 'samples', `${newer}.tokens.jsonl`));
  const tokens = (promptId: string, pieces: readonly string[]): object => {
    const places = pieces.map((_, place) => place);
    return {
      ...template!, promptId, prompt: `say ${promptId} :`, draw: 0, ids: places, pieces, special: pieces.length > 0 ? [pieces.length - 1] : [],
      logpStudent: places.map(() => -0.5), logpTeacher: places.map((place) => -1 - place), entropyStudent: places.map(() => 0.4),
      entropyTeacher: places.map(() => 0.4), kl: places.map(() => 0.8), reward: places.map(() => -0.5),
      top: places.map(() => [[0, -0.5, -1], [1, -2, -0.3]]),
      names: Object.fromEntries(places.map((place) => [place, ['<img src=x>', '\u202e| a [x](command:y)'][place] ?? pieces[place]])),
    };
  };
  const lines = [
    tokens('html', ['<img src=x onerror="a()">', ' **bold**', ' [x](command:y)', '\u202eabc', ' | ', '\u001b[31m', '</s>']),
    tokens('surrogate', ['', '', '', '😀', ' half', '\ufffd', ' \ud800', '\n', '\t', '</s>']),
    tokens('long', ['begin', ` ${'x'.repeat(1 << 20)}`, ' end', '</s>']), tokens('nothing', []),
  ].map((line) => JSON.stringify(line));
  let offset = 0;
  const index = lines.map((line) => {
    const length = Buffer.byteLength(line) + 1;
    offset += length;
    return { promptId: (JSON.parse(line) as { promptId: string }).promptId, kind: 'draw', draw: 0, offset: offset - length, length };
  });
  writeFileSync(path.join(dir, 'samples', `${newer}.tokens.jsonl`), lines.map((line) => `${line}\n`).join(''));
  writeFileSync(path.join(dir, 'samples', `${newer}.tokens.index`), JSON.stringify({ v: 1, bytes: offset, lines: index }));
}

describe('hostile text', function suite() {
  this.timeout(180_000);
  let workbench: Workbench;
  const panel = (): Promise<Frame> => workbench.webview('#app[data-events]');
  /** Lines of the editors, with the spaces that the editor draws as others. */
  const lines = async (): Promise<string> => (await workbench.page.locator('.monaco-editor .view-line').allTextContents()).join('\n').replaceAll('\u00a0', ' ');
  const unseen = /[\u0000-\u0008\u000e-\u001f\u007f-\u009f\u00ad\u200b\u200e\u200f\u2028-\u202e\u2066-\u2069]/;

  before(async () => {
    workbench = await sharedWorkbench();
    const { folder, dir } = recordedWorkspace();
    spoil(folder, dir);
    await workbench.open(folder);
  });

  it('is a name in the tree, and text in the panel', async () => {
    await workbench.showContainer('MiniLLM');
    const row = workbench.treeRow('run</b>').first();
    await row.waitFor();
    assert.match(await row.innerText(), /<b>run<\/b> \\u\{202e\}gnp\.exe \$\(gear\) \\u\{1b\}\[31m/);
    await row.click();
    const frame = await panel();
    await frame.locator('.prompt').first().waitFor();
    const against = frame.locator('vscode-dropdown[aria-label="Compare with"]');
    await against.click();
    await against.locator('vscode-option', { hasText: 'step 200' }).click();
    await frame.locator('.prompt .change').first().waitFor();
    const text = await frame.evaluate(() => document.querySelector<HTMLElement>('.prompts')!.innerText);
    for (const wanted of ['<img src=x onerror=', '<script>', '\\u{1b}[31m', '\\u{202e}', '\\u{2066}', '\\u{200b}', '\\u{2028}', '\\u{d800}', '😀', '\ufffd', 'more characters', '(empty)']) {
      assert.ok(text.includes(wanted), `${wanted} in ${text.slice(0, 3000)}`);
    }
    assert.doesNotMatch(text, unseen);
    assert.equal(await frame.locator('.prompts :is(img, script, b, i, a)').count(), 0);
    await workbench.runCommand('View: Close Primary Side Bar');
    for (const [theme, name] of themes) {
      await workbench.setTheme(theme);
      await frame.evaluate(() => document.getElementById('samples')?.scrollIntoView());
      await sleep(200);
      await workbench.screenshot(`hostile-panel-${name}`);
    }
    await workbench.setTheme('Dark Modern');
  });

  it('is text on the page that travels', async () => {
    const frame = await panel();
    await frame.locator('.prompt[data-prompt="bidi"] .look', { hasText: 'Travel' }).click();
    const page = await workbench.webview('#app[data-moments]');
    await page.locator('.answer-text', { hasText: '\\u{202e}admin\\u{202c}' }).waitFor();
    assert.doesNotMatch(await page.evaluate(() => document.body.innerText), unseen);
    await workbench.screenshot('hostile-travel');
  });

  it('is text in the editor\'s diff, whatever its length', async () => {
    await workbench.runCommand('MiniLLM: Compare Samples Prompt by Prompt');
    await workbench.answer('step 200');
    await workbench.answer('step 1700');
    await workbench.page.locator('.multiDiffEntry .line-insert').first().waitFor({ timeout: 30_000 });
    await sleep(1000);
    const text = await lines();
    for (const wanted of ['<img src=x', '\\u{1b}[31m', '\\u{202e}admin']) assert.ok(text.includes(wanted), wanted);
    assert.doesNotMatch(text, unseen);
    await workbench.screenshot('hostile-diff');
    const page = await workbench.webview('#app[data-events]', 1000).catch(() => undefined);
    assert.equal(page, undefined, 'the panel is hidden');
    await workbench.page.locator('.tab', { hasText: 'run</b>' }).first().click();
    await (await panel()).locator('.prompt[data-prompt="long"] .look', { hasText: 'Diff' }).click();
    await workbench.page.locator('.tab', { hasText: ', long' }).waitFor();
    await until('its text', async () => (await lines()).includes('lorem ipsum'));
    await workbench.screenshot('hostile-diff-long');
  });

  it('is text token by token, in hovers and tables', async () => {
    await workbench.runCommand('View: Close All Editors');
    for (const [prompt, wanted] of [['html', '<img src=x onerror='], ['surrogate', '▯▯▯😀'], ['nothing', '(no tokens)'], ['long', 'begin xxx']] as const) {
      await workbench.runCommand('MiniLLM: Inspect Tokens');
      await workbench.answer('step 1700');
      await workbench.answer(prompt);
      await until(prompt, async () => (await lines()).replaceAll('\n', '').includes(wanted)); // long lines are wrapped
      await sleep(300);
      assert.doesNotMatch(await lines(), unseen);
      await workbench.screenshot(`hostile-tokens-${prompt}`);
      if (prompt !== 'html') continue;
      await workbench.page.locator('.monaco-editor .view-line', { hasText: 'cost' }).first().click();
      await workbench.page.keyboard.press('n');
      await workbench.page.locator('.statusbar-item', { hasText: /Worst 1 of \d/ }).waitFor();
      await workbench.runCommand('Show or Focus Hover');
      const hover = workbench.page.locator('.monaco-hover', { hasText: 'would say' });
      await hover.waitFor();
      assert.ok((await hover.innerText()).replaceAll('\u00a0', ' ').includes('<img src=x>'));
      assert.equal(await hover.locator('img, td a').count(), 0);
      await workbench.screenshot('hostile-hover');
      await workbench.page.keyboard.press('Escape');
      await workbench.page.keyboard.press('t');
      await until('the table', async () => (await lines()).includes('prefers'));
      await workbench.screenshot('hostile-table');
      await workbench.runCommand('View: Close Editor');
    }
  });

  it('is text beside prompts', async () => {
    await workbench.openFile('inspect.jsonl');
    await workbench.page.locator('.codelens-decoration', { hasText: 'step 1700' }).first().waitFor();
    const after = await until('answers', async () => {
      const found = (await workbench.afterLines()).filter((text) => text.includes('→'));
      return found.length >= Object.keys(answers).length && found.join('\n');
    });
    for (const wanted of ['<img src=x', '202e}admin', '(nothing)']) assert.ok(after.includes(wanted), wanted);
    assert.doesNotMatch(after, unseen);
    await workbench.screenshot('hostile-inline');
    await workbench.page.locator('.monaco-editor .view-line', { hasText: '"html"' }).first().hover({ position: { x: 40, y: 8 } });
    const hover = workbench.page.locator('.monaco-hover', { hasText: 'answer' });
    await hover.waitFor();
    assert.equal(await hover.locator('img, b, td a').count(), 0);
    await workbench.screenshot('hostile-inline-hover');
    assert.notEqual(await workbench.page.title(), 'owned');
  });
});
