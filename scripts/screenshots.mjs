#!/usr/bin/env node
// Re-makes docs/images/*.png, in dark and light, of a finished demo run: the run panel with the tree, the same with a fork laid over its
// charts, a diff of samples, and one word, through time and token by token.
//   node scripts/screenshots.mjs [--run FOLDER]      default: the newest finished run of the demo; without one it is run (2 to 3 minutes),
//                                                and its fork too (2 minutes)
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

/** Where the demo is forked, and what the fork does there: as its README has it. */
const FORKED = 1800;
const RIVAL = {
  method: 'gkd', prompts: 'train.jsonl.gz', steps: 1200, onPolicyShare: 1, beta: 1, rollouts: 256, rolloutChunk: 128, batchSize: 64,
  optimizer: { learningRate: 0.002 },
};

const read = (...file) => JSON.parse(fs.readFileSync(path.join(...file), 'utf8'));

/** The newest run among those that has finished; of a run's forks where its id is given, else of what is no fork. */
function finishedRun(runs, parent = null) {
  const wanted = (id) => fs.existsSync(path.join(runs, id, 'exit.json')) && read(runs, id, 'exit.json').exitCode === 0
    && (read(runs, id, 'run.json').parent?.run ?? null) === parent;
  const id = fs.existsSync(runs) ? fs.readdirSync(runs).sort().reverse().find(wanted) : undefined;
  return id && path.join(runs, id);
}

function demoRun() {
  const runs = path.join(root, 'demo-workspace', 'runs');
  const known = finishedRun(runs);
  if (known) return known;
  say('no finished run of the demo: running it');
  spawnSync(process.execPath, ['scripts/demo.mjs', '--headless'], { cwd: root, stdio: 'inherit' });
  const made = finishedRun(runs);
  if (!made) throw new Complaint('The demo did not finish, so there is nothing to show.');
  return made;
}

/** A fork of the run by the rival method, beside it. */
function forkOf(dir, python) {
  const runs = path.dirname(dir);
  const id = path.basename(dir);
  const known = finishedRun(runs, id);
  if (known) return known;
  say('the demo has no fork: making it');
  const config = path.join(path.dirname(runs), 'fork.minillm.jsonc');
  const { name, teacher, student, data, inspect, evaluation, seed } = read(dir, 'run.json').config;
  const phases = [RIVAL];
  fs.writeFileSync(config, JSON.stringify({ name: `${name}-gkd`, teacher, student, data, phases, inspect, evaluation, checkpoints: { every: 300 }, threads: 1, seed }));
  const command = [path.join(root, 'dist', 'cli.js'), 'fork', id, config, '--from', String(FORKED), '--runs', runs, '--python', python];
  spawnSync(process.execPath, command, { cwd: path.dirname(runs), stdio: 'inherit' });
  const made = finishedRun(runs, id);
  if (!made) throw new Complaint('The fork did not finish, so there is nothing to compare.');
  return made;
}

/** A workspace with the demo and these runs in it, which asks for the panel of the first. */
async function prepare(...dirs) {
  const { makeDemoWorkspace, requestOpen } = require(path.join(root, 'dist', 'demoWorkspace.js'));
  const workspace = path.join(fs.mkdtempSync(path.join(os.tmpdir(), 'minillm-pictures-')), 'pronounce');
  await makeDemoWorkspace(path.join(root, 'demo'), workspace);
  for (const dir of dirs) fs.cpSync(dir, path.join(workspace, 'runs', path.basename(dir)), { recursive: true });
  await requestOpen(workspace, { run: path.basename(dirs[0]), panel: true });
  return workspace;
}

/** What to set side by side: the student as it came out of fine-tuning, and at the end. As the editor names them: `step 1596`. */
function comparison(dir) {
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
  const row = workbench.treeRow(/^\s*pronounce(?!-)/).first();
  await row.waitFor();
  if (await row.getAttribute('aria-expanded') !== 'true') await row.click({ position: { x: 12, y: 8 } });
}

await entry(async () => {
  const { values } = parseArgs({ options: { run: { type: 'string' } } });
  const { python } = await setup({ tests: true });
  const dir = values.run ? path.resolve(values.run) : demoRun();
  const workspace = await prepare(dir, forkOf(dir, python));
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
    await panel.locator('vscode-button', { hasText: 'Compare runs…' }).click();
    await workbench.pick(/pronounce-gkd/);
    await workbench.page.keyboard.press('Enter');
    await panel.locator('.runs-key-name', { hasText: 'pronounce-gkd' }).waitFor();
    // The second half, where both were at work.
    const plot = panel.locator('[data-chart="kl"] .plot');
    await plot.focus();
    for (const key of ['End', '+']) await workbench.page.keyboard.press(key);
    await plot.evaluate((element) => element.blur());
    await panel.locator('.zoom-text', { hasText: 'steps' }).waitFor();
    await panel.evaluate(() => document.getElementById('charts').scrollIntoView());
    await take(workbench, 'compare');
    await panel.locator('.runs-key-remove').click();
    await panel.locator('[data-action="compare"]').click();
    for (const checkpoint of comparison(dir)) {
      await sleep(500); // the second question takes the place of the first
      await workbench.answer(checkpoint);
    }
    await workbench.page.locator('.monaco-diff-editor .line-insert, .monaco-diff-editor .char-insert').first().waitFor();
    await take(workbench, 'samples');
    await workbench.runCommand('MiniLLM: Travel Through a Prompt\'s Answers');
    await workbench.pick(/^\s*pronounce(?!-)/);
    await sleep(500);
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
