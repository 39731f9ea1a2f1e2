import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Frame } from 'playwright-core';
import { themes, until, violations } from '../harness/page';
import { python, repo, temporaryFolder } from '../harness/paths';
import { sharedWorkbench } from '../harness/shared';
import { writeFiles, type Workbench } from '../harness/workbench';
import { addOtherCourse, diverge, type Recorded, recordedWorkspace } from './recordedRun';

/** The demo's models and words in a run that goes on for longer than its test. */
function liveConfig(): string {
  const demo = (file: string): string => path.join(repo, 'demo', file);
  return JSON.stringify({
    name: 'live', teacher: { model: demo('teacher') }, student: { model: demo('student'), init: 'random', tokenizer: 'teacher' },
    data: { train: demo('labelled.jsonl.gz'), validation: demo('valid.jsonl'), maxPromptTokens: 16, maxNewTokens: 18 },
    phases: [
      { method: 'sft', rows: 2000, steps: 300, batchSize: 16, optimizer: { learningRate: 0.006 } },
      { method: 'minillm', prompts: demo('train.jsonl.gz'), rows: 400, steps: 4000, rollouts: 32, batchSize: 16, innerEpochs: 2 },
    ],
    inspect: { prompts: demo('inspect.jsonl'), rows: 6, validationRows: 0, draws: 2 },
    evaluation: { rows: 24, finalRows: 48 },
    checkpoints: { every: 150 },
    threads: 1,
    seed: 10,
  }, null, 2);
}

/** A run of a fresh folder, started as the command line starts it. */
function startRun(): Recorded {
  const folder = temporaryFolder('panel');
  writeFiles(folder, { 'live.minillm.jsonc': liveConfig() });
  const cli = [path.join(repo, 'dist', 'cli.js'), 'run', 'live.minillm.jsonc', '--detach', '--json', '--python', python];
  const { dir } = JSON.parse(execFileSync(process.execPath, cli, { cwd: folder, encoding: 'utf8' })) as { dir: string };
  return { folder, dir };
}

const panel = (workbench: Workbench): Promise<Frame> => workbench.webview('#app[data-events]');

/** Opens the folder of a run with its panel, as a folder asks for that itself; it asks once. */
async function openOn(workbench: Workbench, { folder, dir }: Recorded): Promise<void> {
  const request = '.minillm/open.json';
  writeFiles(folder, { [request]: JSON.stringify({ run: path.basename(dir), panel: true }) });
  await workbench.open(folder);
  await panel(workbench);
  assert.ok(!existsSync(path.join(folder, request)), 'it would be opened again');
}

interface Line {
  readonly seq: number;
  readonly kind: string;
  readonly step?: number;
  readonly metrics?: Readonly<Record<string, number>>;
}

function events(dir: string): Line[] {
  const text = existsSync(path.join(dir, 'events.jsonl')) ? readFileSync(path.join(dir, 'events.jsonl'), 'utf8') : '';
  return text.split('\n').slice(0, -1).map((line) => JSON.parse(line) as Line);
}

const pointsOf = (lines: readonly Line[], metric: string): number => lines.filter((line) => (line.kind === 'step' || line.kind === 'rollout') && line.metrics?.[metric] !== undefined).length;

interface Status {
  readonly state: string;
  readonly trainer: { readonly pid: number } | null;
}

const status = (dir: string): Status => JSON.parse(readFileSync(path.join(dir, 'status.json'), 'utf8')) as Status;

const number = (frame: Frame, selector: string, attribute: string): Promise<number> =>
  frame.evaluate(([where, name]) => Number(document.querySelector(where!)?.getAttribute(name!) ?? NaN), [selector, attribute]);

const eventsShown = (frame: Frame): Promise<number> => number(frame, '#app', 'data-events');
const pointsShown = (frame: Frame, metric: string): Promise<number> => number(frame, `[data-metric="${metric}"]`, 'data-points');

/** Waits until the panel shows as much as the file holds, and compares: nothing lost, nothing twice. */
async function assertComplete(frame: Frame, dir: string): Promise<void> {
  await until('the panel shows every event', async () => await eventsShown(frame) === events(dir).length);
  const lines = events(dir);
  assert.deepEqual(lines.map(({ seq }) => seq), lines.map((_, index) => index), 'every seq is in the file exactly once');
  await until('every point', async () => await pointsShown(frame, 'loss/total') === pointsOf(lines, 'loss/total'), 5000);
}

/** The page in every theme, from that part of it on and from its results, with what axe finds. */
async function showThemes(workbench: Workbench, picture: string, from: 'head' | 'charts'): Promise<void> {
  for (const [theme, name] of themes) {
    await workbench.setTheme(theme);
    const frame = await panel(workbench);
    assert.deepEqual(await violations(frame), [], theme);
    for (const [part, suffix] of [[from, ''], ['results', '-results']] as const) {
      await frame.evaluate((id) => document.getElementById(id)?.scrollIntoView(), part);
      await sleep(300);
      await workbench.screenshot(`${picture}-${name}${suffix}`);
    }
    await frame.evaluate(() => window.scrollTo(0, 0));
  }
}

/** The page in a narrow column: nothing stands out of it. */
async function showNarrow(workbench: Workbench, picture: string): Promise<void> {
  await workbench.setTheme('Dark Modern');
  const size = workbench.page.viewportSize()!;
  await workbench.page.setViewportSize({ width: 500, height: 900 });
  try {
    const frame = await panel(workbench);
    await sleep(500);
    const [wide, room] = await frame.evaluate(() => [document.documentElement.scrollWidth, window.innerWidth]);
    assert.ok(wide <= room, `${wide} px in ${room}`);
    await workbench.screenshot(picture);
  } finally {
    await workbench.page.setViewportSize(size);
  }
}

/** A chart as it is painted, once the frame is over. */
async function painted(frame: Frame, chart: string): Promise<string> {
  await frame.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))));
  return frame.evaluate((id) => document.querySelector<HTMLCanvasElement>(`[data-chart="${id}"] canvas`)?.toDataURL() ?? '', chart);
}

describe('the run panel', function suite() {
  this.timeout(180_000);
  let workbench: Workbench;

  before(async () => {
    workbench = await sharedWorkbench();
  });

  describe('of a run at work', () => {
    let dir: string;

    before(async () => {
      const run = startRun();
      dir = run.dir;
      await openOn(workbench, run);
    });

    after(() => {
      const { trainer, state } = status(dir);
      if (trainer !== null && !['finished', 'stopped', 'failed'].includes(state)) process.kill(-trainer.pid, 'SIGKILL');
    });

    it('moves with the run', async () => {
      const frame = await panel(workbench);
      const first = await until('the first points', async () => (await pointsShown(frame, 'loss/total')) || undefined, 60_000);
      const canvas = (): Promise<string> => frame.evaluate(() => document.querySelector<HTMLCanvasElement>('[data-chart="loss"] canvas')?.toDataURL() ?? '');
      const before = await canvas();
      await until('more points', async () => await pointsShown(frame, 'loss/total') > first + 10);
      await until('another picture', async () => await canvas() !== before);
      await workbench.screenshot('panel-running');
    });

    it('is back after the window was reloaded, complete and looked at as before', async () => {
      const frame = await panel(workbench);
      await frame.locator('[data-chart="loss"] .tool', { hasText: 'log' }).click();
      await frame.locator('[data-metric="loss/sft"]').click();
      await workbench.reload();
      const after = await panel(workbench);
      await until('the settings', async () => await after.locator('[data-chart="loss"] .tool[aria-pressed="true"]', { hasText: 'log' }).count() === 1);
      assert.equal(await after.locator('[data-metric="loss/sft"]').getAttribute('aria-pressed'), 'false');
      await until('as many events as the file has', async () => await eventsShown(after) >= events(dir).length - 5);
    });

    it('outlives kill -9 of the extension host, and so does the run; afterwards every seq is there exactly once', async () => {
      const { trainer } = status(dir);
      const before = events(dir).length;
      await workbench.killExtensionHost();
      await until('the run goes on', () => events(dir).length > before + 5);
      assert.deepEqual(status(dir).trainer, trainer);
      await workbench.extensionHostBack(/live\s\d/);
      await workbench.reload();
      const frame = await panel(workbench);
      await until('the panel catches up', async () => await eventsShown(frame) >= before + 5);
      assert.equal(await frame.locator('.notices').isVisible(), false, 'no event is missing, none unreadable');
      const lines = events(dir);
      assert.deepEqual(lines.map(({ seq }) => seq), lines.map((_, index) => index));
    });

    it('pauses the run and lets it go on, each with its outcome', async () => {
      const frame = await panel(workbench);
      await frame.locator('[data-action="pause"]').click();
      await frame.locator('.head[data-state="paused"]').waitFor({ timeout: 30_000 });
      await frame.locator('.request.request-done', { hasText: 'Paused after step' }).waitFor();
      await workbench.screenshot('panel-paused');
      await frame.locator('[data-action="continue"]').click();
      await frame.locator('.head[data-state="running"]').waitFor({ timeout: 30_000 });
      await frame.locator('.request.request-done', { hasText: 'Goes on after step' }).waitFor();
    });

    it('stops the run and tells the outcome', async () => {
      const frame = await panel(workbench);
      await frame.locator('[data-action="stop"]').click();
      await frame.locator('.request').waitFor();
      await frame.locator('.head[data-state="stopped"]').waitFor({ timeout: 60_000 });
      await frame.locator('.request.request-done').waitFor();
      await assertComplete(frame, dir);
      assert.equal(await frame.locator('[data-action="stop"]').count(), 0, 'an ended run cannot be stopped');
      await workbench.screenshot('panel-stopped');
    });

    it('resumes the run and follows it again', async () => {
      const frame = await panel(workbench);
      const before = await eventsShown(frame);
      await frame.locator('[data-action="resume"]').click();
      await frame.locator('.head[data-state="running"]').waitFor({ timeout: 60_000 });
      await until('new events', async () => await eventsShown(frame) > before + 5, 60_000);
      await frame.locator('[data-action="stop"]').click();
      await frame.locator('.head[data-state="stopped"]').waitFor({ timeout: 60_000 });
      await assertComplete(frame, dir);
      await workbench.screenshot('panel-resumed');
    });
  });

  describe('of a run that has ended', () => {
    let dir: string;

    before(async () => {
      const run = recordedWorkspace();
      dir = run.dir;
      await openOn(workbench, run);
    });

    it('shows all of it: every point, the results with their control, the samples', async () => {
      const frame = await panel(workbench);
      await assertComplete(frame, dir);
      await until('a verdict', async () => await frame.locator('.verdict').count() === 1);
      const rows = await frame.locator('.results table').first().locator('tbody th').allTextContents();
      assert.deepEqual(rows.map((row) => row.replace(/step .*|the start at .*/, '')), ['start', 'sharpening control', 'final student', 'teacher']);
      const prompts = await frame.locator('.prompt').count();
      assert.ok(prompts > 2, 'those in sight');
      assert.equal(await frame.locator('.targets', { hasText: 'teacher' }).count(), prompts);
    });

    it('moves a cursor by the keyboard and says what is there', async () => {
      const frame = await panel(workbench);
      const plot = frame.locator('[data-chart="loss"] .plot');
      await plot.focus();
      await workbench.page.keyboard.press('Home');
      await workbench.page.keyboard.press('ArrowRight');
      const step = await until('the second of the points drawn', async () => {
        const at = Number(await plot.getAttribute('aria-valuenow'));
        return at > 1 && at < 20 && at;
      });
      assert.match(await plot.getAttribute('aria-valuetext') ?? '', new RegExp(`^Step ${step}: loss \\d`));
      await workbench.page.keyboard.press('PageUp');
      const further = Number(await plot.getAttribute('aria-valuenow'));
      assert.ok(further > step + 50, 'PageUp leads on, as ArrowUp does');
      await workbench.page.keyboard.press('PageDown');
      assert.equal(Number(await plot.getAttribute('aria-valuenow')), step);
      await workbench.page.keyboard.press('End');
      assert.match(await plot.getAttribute('aria-valuetext') ?? '', /^Step 1700: loss .*\. Checkpoint\.$/);
      assert.match(await frame.locator('[data-chart="loss"] .chart-notes').innerText(), /^step 1,700 · ▲ checkpoint/);
      assert.match(await plot.getAttribute('title') ?? '', /^Drag to zoom, double-click for the whole run\./);
      await workbench.page.keyboard.press('+');
      await frame.locator('.zoom-text', { hasText: /steps/ }).waitFor();
      await workbench.page.keyboard.press('0');
      await until('the whole run', async () => !await frame.locator('.zoom-text').isVisible());
    });

    it('has a table for every chart', async () => {
      const frame = await panel(workbench);
      const chart = frame.locator('[data-chart="loss"]');
      await chart.locator('.tool', { hasText: 'table' }).click();
      const newest = pointsOf(events(dir), 'loss/total').toLocaleString('en');
      // The points of the whole run are on their way when the zoom has just been left.
      await until('the newest step first', async () => await chart.locator('tbody th').first().textContent() === newest);
      const count = await chart.locator('tbody tr').evaluateAll((rows) => rows.map((row) => row.classList.add('read')).length);
      assert.ok(count > 100);
      const lines = events(dir);
      const last = lines.findLast(({ kind }) => kind === 'step');
      appendFileSync(path.join(dir, 'events.jsonl'), `${JSON.stringify({ ...last, seq: lines.length, step: last!.step! + 1 })}\n`);
      await until('one more', async () => await chart.locator('tbody th').first().textContent() === (last!.step! + 1).toLocaleString('en'));
      assert.ok(await chart.locator('tr.read').count() >= count - 1, 'what one reads stays as it is');
      await chart.locator('.tool', { hasText: 'table' }).click();
    });

    it('draws no metric that was switched off while its chart was a table', async () => {
      const frame = await panel(workbench);
      const chart = frame.locator('[data-chart="loss"]');
      const metric = chart.locator('[data-metric="loss/single"]');
      const table = chart.locator('.tool', { hasText: 'table' });
      const picture = (): Promise<string> => painted(frame, 'loss');
      const whole = await picture();
      await metric.click();
      const without = await until('a picture without it', async () => {
        const now = await picture();
        return now !== whole && now;
      });
      await metric.click();
      await table.click();
      await metric.click();
      await table.click();
      assert.equal(await picture(), without);
      await metric.click();
      assert.equal(await picture(), whole);
    });

    it('is clean by axe and legible in every theme', async () => {
      await workbench.runCommand('View: Close Primary Side Bar');
      await showThemes(workbench, 'panel', 'head');
    });

    it('fits into a narrow column', async () => {
      await showNarrow(workbench, 'panel-narrow');
    });

    it('opens two checkpoints side by side, and has them ticked still when one comes back', async () => {
      const frame = await panel(workbench);
      const boxes = frame.locator('.results vscode-checkbox');
      await boxes.nth(0).click();
      await boxes.nth(1).click();
      await frame.locator('vscode-button', { hasText: 'Compare the two' }).click();
      await workbench.page.locator('.monaco-diff-editor').first().waitFor({ timeout: 20_000 });
      await workbench.page.locator('.tab', { hasText: /^pronounce$/ }).first().click();
      const after = await panel(workbench);
      await after.locator('vscode-button', { hasText: 'Compare the two' }).waitFor();
      const ticked = after.locator('.results vscode-checkbox[aria-checked="true"]');
      await until('two', async () => await ticked.count() === 2);
      // A third choice lets go of the first.
      await after.locator('.results vscode-checkbox').nth(2).click();
      await until('the others', async () => (await after.locator('.results vscode-checkbox').evaluateAll((all) => all.slice(0, 3).map((one) => one.getAttribute('aria-checked')))).join() === 'false,true,true');
    });
  });

  describe('with other runs laid over its charts', () => {
    let run: Recorded;

    before(async () => {
      run = recordedWorkspace();
      addOtherCourse(run, 'hotter', 1.4, 1700);
      addOtherCourse(run, 'shorter', 0.8, 900);
      const named = path.join(addOtherCourse(run, 'named', 1.1, 1700), 'run.json');
      writeFileSync(named, readFileSync(named, 'utf8').replaceAll('"named"', JSON.stringify(`<b>\u202e${'W'.repeat(10_000)}`)));
      await openOn(workbench, run);
    });

    const inKey = (frame: Frame): Promise<string[]> => frame.locator('.runs-key-name').allTextContents();
    const values = (frame: Frame, metric: string): Promise<string[]> => frame.locator(`[data-metric="${metric}"] .legend-run`).allInnerTexts();

    it('has each in its own colour, with its values, in words too', async () => {
      const frame = await panel(workbench);
      await until('charts', async () => await pointsShown(frame, 'loss/total') > 0);
      await frame.locator('vscode-button', { hasText: 'Compare runs…' }).click();
      await workbench.pick('hotter');
      await workbench.pick('shorter');
      await workbench.page.keyboard.press('Enter');
      await until('the key', async () => (await inKey(frame)).join() === 'pronounce,shorter,hotter');
      await until('three values', async () => (await values(frame, 'eval/kl_reverse')).filter((text) => /\d/.test(text)).length === 3);
      const inWords = frame.getByRole('button', { name: /^reverse KL.*, pronounce [\d.]+.*, shorter [\d.]+.*, hotter [\d.]+/ });
      assert.ok(await inWords.count() > 0, `whose value is whose: ${await frame.locator('[data-metric="eval/kl_reverse"]').ariaSnapshot()}`);
      const plot = frame.locator('[data-chart="grad"] .plot');
      await plot.focus();
      await until('its lines', async () => await number(frame, '[data-chart="grad"]', 'data-columns') > 0);
      await workbench.page.keyboard.press('End');
      // The shorter run had ended by then.
      const words = /^Step 1,?700: gradient norm, pronounce [\d.]+, gradient norm, hotter [\d.]+\. Checkpoint\.$/;
      let said = '';
      await until('their values in words', async () => words.test(said = await plot.getAttribute('aria-valuetext') ?? ''), 5000)
        .catch(() => assert.match(said, words));
      await plot.evaluate((element) => (element as HTMLElement).blur());
      await frame.evaluate(() => document.getElementById('charts')?.scrollIntoView());
    });

    it('lets the lines of one stand out while its name is pointed at, and longer when it is pressed', async () => {
      const frame = await panel(workbench);
      const picture = (): Promise<string> => painted(frame, 'kl');
      const name = frame.getByRole('button', { name: 'hotter', exact: true });
      await frame.locator('h1').hover();
      const alike = await until('a picture that stays', async () => {
        const before = await picture();
        await sleep(500);
        return await picture() === before && before;
      });
      await name.hover();
      const alone = await until('another picture', async () => (await picture()) !== alike && picture());
      await workbench.screenshot('panel-overlay-one');
      await name.click();
      await frame.locator('h1').hover();
      assert.equal(await picture(), alone, 'it is kept');
      assert.equal(await name.getAttribute('aria-pressed'), 'true');
      await name.click();
      await frame.locator('h1').hover();
      await frame.evaluate(() => (document.activeElement as HTMLElement).blur());
      await until('the first picture', async () => await picture() === alike);
    });

    it('has their results side by side', async () => {
      const frame = await panel(workbench);
      const rows = frame.getByRole('region', { name: 'Scores of several runs' }).locator('tbody tr');
      await until('a row each', async () => await rows.count() === 3);
      const told = await rows.evaluateAll((all) => all.map((row) => [...row.querySelectorAll('th, td')].slice(0, 2).map((cell) => cell.textContent)));
      // One of the three has not been scored at its end.
      assert.deepEqual(told.map(([run]) => run), ['pronouncestep 1700, minillm', 'shorterstep 800, sft', 'hotterstep 1700, minillm']);
      assert.match(told[0]?.[1] ?? '', /^0\.791/);
    });

    it('has them still after a reload', async () => {
      await workbench.reload();
      const frame = await panel(workbench);
      await until('the key', async () => (await inKey(frame)).join() === 'pronounce,shorter,hotter');
    });

    it('is clean by axe and legible in every theme, and fits into a narrow column @long', async () => {
      await workbench.runCommand('View: Close Primary Side Bar');
      await showThemes(workbench, 'panel-overlay', 'charts');
      await showNarrow(workbench, 'panel-overlay-narrow');
    });

    it('lets go of one after the other', async () => {
      const frame = await panel(workbench);
      await frame.getByRole('button', { name: 'Take hotter out of the charts' }).click();
      await until('one other', async () => (await inKey(frame)).join() === 'pronounce,shorter');
      await until('two values', async () => (await values(frame, 'loss/total')).length === 2);
      const focused = (): Promise<string | null | undefined> => frame.evaluate(() => document.activeElement?.getAttribute('aria-label') ?? document.activeElement?.textContent);
      assert.equal(await focused(), 'Take shorter out of the charts', 'the keyboard goes on from there');
      await frame.getByRole('button', { name: 'Take shorter out of the charts' }).click();
      await until('no key', async () => !await frame.locator('.runs-key').isVisible());
      assert.equal(await focused(), 'Compare runs…');
    });

    it('takes in what is selected in the Runs view', async () => {
      if (!await workbench.treeRow('hotter').isVisible()) await workbench.showContainer('MiniLLM');
      await workbench.treeRow('hotter').click();
      await workbench.treeRow('pronounce').click({ modifiers: ['ControlOrMeta'] });
      await workbench.chooseInMenu(workbench.treeRow('pronounce'), 'Compare Charts of Runs…');
      // The click has opened the other run's panel, so that this one's page is a new one.
      await until('the key', async () => (await inKey(await panel(workbench)).catch(() => [])).join() === 'pronounce,hotter');
    });

    it('has room for the numbers beside the longest name, which is text', async () => {
      const size = workbench.page.viewportSize()!;
      const frame = await panel(workbench);
      await frame.locator('vscode-button', { hasText: 'Compare runs…' }).click();
      await workbench.pick('20261125-010203-named');
      await workbench.page.keyboard.press('Enter');
      const table = frame.getByRole('region', { name: 'Scores of several runs' });
      const names = (): Promise<string[]> => table.locator('tbody th').allTextContents();
      const name = /^<b>\\u\{202e\}W{100,200}…/;
      await until('its row', async () => name.test((await names()).at(-1) ?? ''));
      await workbench.runCommand('View: Close Primary Side Bar');
      for (const width of [size.width, 500]) {
        await workbench.page.setViewportSize({ width, height: size.height });
        await sleep(300);
        const [page, room, head, seen] = await table.evaluate((region) => [
          document.documentElement.scrollWidth, window.innerWidth, region.querySelector('tbody th')!.clientWidth, region.clientWidth,
        ] as const);
        assert.ok(page <= room, `${page} px in ${room}`);
        assert.ok(head <= 0.6 * seen, `a name of ${head} px stands before numbers in ${seen}`);
        await workbench.screenshot(`panel-overlay-named-${width}`);
      }
      await workbench.page.setViewportSize(size);
    });
  });

  it('keeps the scale of a run one of whose attempts diverged, and hides that attempt on request', async () => {
    const run = recordedWorkspace();
    diverge(run);
    await openOn(workbench, run);
    const frame = await panel(workbench);
    const note = frame.locator('[data-chart="loss"] .chart-notes button');
    /** The whole picture, and the numbers beside it. */
    const look = async (): Promise<{ picture: string; axis: string }> => {
      await frame.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))));
      return frame.evaluate(() => {
        const canvas = document.querySelector<HTMLCanvasElement>('[data-chart="loss"] canvas')!;
        const axis = canvas.getContext('2d')!.getImageData(0, 0, 50 * window.devicePixelRatio, canvas.height);
        return { picture: canvas.toDataURL(), axis: axis.data.join() };
      });
    };
    await note.getByText('80 points of a discarded attempt (dotted)').waitFor();
    const shown = await look();
    await workbench.screenshot('panel-diverged');
    await note.click();
    await note.getByText('(hidden)').waitFor();
    const hidden = await look();
    assert.notEqual(hidden.picture, shown.picture);
    assert.equal(hidden.axis, shown.axis);
    await workbench.reload();
    await (await panel(workbench)).locator('[data-chart="loss"] .chart-notes', { hasText: '(hidden)' }).waitFor();
  });
});
