#!/usr/bin/env node
// Re-makes docs/images/*.png, in dark and light, of a finished demo run: the run panel with the tree, a diff of samples, and one word,
// through time and token by token.
//   node scripts/screenshots.mjs [--run FOLDER]      default: the newest finished run of the demo; without one it is run (2 to 3 minutes)
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { setup } from './setup.mjs';
import { Complaint, entry, root, run, say } from './steps.mjs';

const require = createRequire(import.meta.url);
/** What the demo's README follows. */
const WORD = 'choreography';
const images = path.join(root, 'docs', 'images');

/** The newest run of the demo that has finished. */
function finishedRun() {
  const runs = path.join(root, 'demo-workspace', 'runs');
  const finished = (id) => {
    const exit = path.join(runs, id, 'exit.json');
    return fs.existsSync(exit) && JSON.parse(fs.readFileSync(exit, 'utf8')).exitCode === 0;
  };
  const id = fs.existsSync(runs) ? fs.readdirSync(runs).sort().reverse().find(finished) : undefined;
  return id && path.join(runs, id);
}

function demoRun() {
  const known = finishedRun();
  if (known) return known;
  say('no finished run of the demo: running it');
  spawnSync(process.execPath, ['scripts/demo.mjs', '--headless'], { cwd: root, stdio: 'inherit' });
  const made = finishedRun();
  if (!made) throw new Complaint('The demo did not finish, so there is nothing to show.');
  return made;
}

/** A workspace with the demo and this one run in it, which asks for the run's panel. */
async function prepare(dir) {
  const { makeDemoWorkspace, requestOpen } = require(path.join(root, 'dist', 'demoWorkspace.js'));
  const workspace = path.join(fs.mkdtempSync(path.join(os.tmpdir(), 'minillm-pictures-')), 'pronounce');
  await makeDemoWorkspace(path.join(root, 'demo'), workspace);
  fs.cpSync(dir, path.join(workspace, 'runs', path.basename(dir)), { recursive: true });
  await requestOpen(workspace, { run: path.basename(dir), panel: true });
  return workspace;
}

/** What to set side by side: the student as it came out of fine-tuning, and at the end. As the editor names them: `step 1596`. */
function comparison(workspace) {
  const [dir] = fs.readdirSync(path.join(workspace, 'runs')).map((id) => path.join(workspace, 'runs', id));
  const phases = fs.readFileSync(path.join(dir, 'events.jsonl'), 'utf8').trim().split('\n').map((line) => JSON.parse(line)).filter(({ kind }) => kind === 'phase');
  const steps = fs.readdirSync(path.join(dir, 'samples')).map((name) => Number(/^step-(\d+)/.exec(name)?.[1])).filter((step) => step > 0);
  const last = Math.max(...steps);
  const before = Math.max(...steps.filter((step) => step < (phases.at(-1)?.firstStep ?? last)));
  return [`step ${before}`, `step ${last}`];
}

/** Takes the picture in both themes; the mouse is out of the way. */
async function take(workbench, name) {
  for (const [theme, suffix] of [['Dark Modern', 'dark'], ['Light Modern', 'light']]) {
    await workbench.setTheme(theme);
    await sleep(1500); // charts draw themselves anew in the colours of the theme
    await workbench.page.screenshot({ path: path.join(images, `${name}-${suffix}.png`) });
    say(`docs/images/${name}-${suffix}.png`);
  }
}

/** Opens the row of the run in the tree, so that its checkpoints show. */
async function unfoldRun(workbench) {
  await workbench.showContainer('MiniLLM');
  const row = workbench.treeRow(/pronounce/).first();
  await row.waitFor();
  if (await row.getAttribute('aria-expanded') !== 'true') await row.click({ position: { x: 12, y: 8 } });
}

await entry(async () => {
  const { values } = parseArgs({ options: { run: { type: 'string' } } });
  await setup({ tests: true });
  const workspace = await prepare(values.run ? path.resolve(values.run) : demoRun());
  run(process.execPath, ['esbuild.js', 'tests']);
  const { Workbench } = require(path.join(root, 'out', 'test', 'harness', 'workbench.js'));
  fs.mkdirSync(images, { recursive: true });
  const workbench = await Workbench.start({ name: 'screenshots', viewport: { width: 1440, height: 900 } });
  try {
    await workbench.open(workspace);
    await unfoldRun(workbench);
    const panel = await workbench.webview('canvas');
    await panel.locator('canvas').first().waitFor();
    await take(workbench, 'panel');
    await workbench.runCommand('MiniLLM: Compare Samples Between Checkpoints');
    for (const checkpoint of comparison(workspace)) {
      await sleep(500); // the second question takes the place of the first
      await workbench.answer(checkpoint);
    }
    await workbench.page.locator('.monaco-diff-editor .line-insert, .monaco-diff-editor .char-insert').first().waitFor();
    await take(workbench, 'samples');
    await workbench.runCommand('MiniLLM: Travel Through a Prompt\'s Answers');
    await workbench.answer(WORD);
    const travel = await workbench.webview('#app[data-moments]');
    await travel.locator('.answer-text').waitFor();
    await take(workbench, 'travel');
    await travel.locator('vscode-button', { hasText: 'Tokens' }).click();
    await workbench.page.locator('.monaco-editor .view-line', { hasText: /cost.most/ }).first().click();
    await workbench.page.keyboard.press('n');
    await workbench.runCommand('Show or Focus Hover');
    await workbench.page.locator('.monaco-hover', { hasText: 'would say' }).waitFor();
    await take(workbench, 'tokens');
  } finally {
    await workbench.stop();
  }
});
