// A workbench of its own, and real runs in it whose end is known: what is done to the editor must not change it.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Frame } from 'playwright-core';
import type { Status } from '../../src/contract/generated';
import { isRunId } from '../../src/rundir/layout';
import { processAlive } from '../../src/rundir/liveness';
import { readRun } from '../../src/rundir/runs';
import { python, repo, temporaryFolder } from '../harness/paths';
import { Workbench, writeFiles } from '../harness/workbench';

/** Something is there twice. */
export class Doubled extends Error {}

/** About half a minute of training beside an editor, and the same every time. */
function config(name: string): string {
  const demo = (file: string): string => path.join(repo, 'demo', file);
  return JSON.stringify({
    name, teacher: { model: demo('teacher') }, student: { model: demo('student'), init: 'random', tokenizer: 'teacher' },
    data: { train: demo('labelled.jsonl.gz'), validation: demo('valid.jsonl'), maxPromptTokens: 16, maxNewTokens: 18 },
    phases: [
      { method: 'sft', rows: 2000, steps: 100, batchSize: 16, optimizer: { learningRate: 0.006 } },
      { method: 'minillm', prompts: demo('train.jsonl.gz'), rows: 400, steps: 360, rollouts: 32, batchSize: 16, innerEpochs: 2 },
    ],
    inspect: { prompts: demo('inspect.jsonl'), rows: 4, validationRows: 0, draws: 1 },
    evaluation: { rows: 24, finalRows: 24, sharpeningControl: false },
    checkpoints: { every: 50, keep: 2 },
    restarts: 1, device: 'cpu', threads: 1, seed: 10,
  }, null, 2);
}

export async function until<T>(what: string, look: () => T | undefined | false | Promise<T | undefined | false>, seconds = 30): Promise<T> {
  const deadline = Date.now() + 1000 * seconds;
  for (;;) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    if (Date.now() > deadline) throw new Error(`not within ${seconds} s: ${what}`);
    await sleep(50);
  }
}

/** Seconds, with one digit. */
export async function timed(work: () => Promise<unknown>): Promise<string> {
  const began = performance.now();
  await work();
  return ((performance.now() - began) / 1000).toFixed(1);
}

/** The folder that the extension runs from: a copy, which may be harmed. */
export const extension = process.env.MINILLM_EXTENSION ?? '';

export class Ground {
  private constructor(
    readonly workbench: Workbench,
    readonly folder: string,
    /** What an undisturbed run comes to, to the bit. */
    private readonly weights: Buffer,
  ) {}

  static async start(): Promise<Ground> {
    const folder = temporaryFolder('faults');
    writeFiles(folder, { 'README.md': 'Runs that are disturbed.\n', 'reference.minillm.jsonc': config('reference') });
    const cli = [path.join(extension, 'dist', 'cli.js'), 'run', 'reference.minillm.jsonc', '--json', '--python', python];
    execFileSync(process.execPath, cli, { cwd: folder, maxBuffer: 1 << 28 });
    const [reference] = readdirSync(path.join(folder, 'runs')).filter((name) => name.endsWith('-reference'));
    const weights = new Disturbed(path.join(folder, 'runs', reference!)).finalWeights();
    const workbench = await Workbench.start({ name: 'faults', extension, settings: { 'minillm.pythonPath': python } });
    return new Ground(workbench, folder, weights);
  }

  /** Starts a run as a person does, from its config in the editor. Resolves when its panel moves. */
  async run(name: string): Promise<Disturbed> {
    const { workbench } = this;
    writeFiles(this.folder, { [`${name}.minillm.jsonc`]: config(name) });
    await workbench.open(this.folder);
    await workbench.openFile(`${name}.minillm.jsonc`);
    await workbench.runCommand('MiniLLM: Run Distillation');
    const id = await until('a run', () => readdirSync(path.join(this.folder, 'runs')).find((one) => one.endsWith(`-${name}`)), 60);
    const run = new Disturbed(path.join(this.folder, 'runs', id));
    await until('its first steps', () => run.steps() > 10, 60);
    await until('its panel', async () => (await this.shown()) > 0);
    await sleep(6000); // in a browser the editor writes down what is open every five seconds
    assert.equal((await readRun(run.dir)).state, 'running', 'it is over before anything was done to it');
    return run;
  }

  /** The panel, once it has its first events. */
  panel(): Promise<Frame> {
    return this.workbench.webview('#app[data-events]');
  }

  /** How many events the panel has; 0 while there is none. */
  async shown(): Promise<number> {
    return Number(await this.attribute('#app', 'data-events') ?? 0);
  }

  /** The state that the panel tells of; nothing while there is none. */
  private async said(): Promise<string> {
    return await this.attribute('.head', 'data-state') ?? '';
  }

  /** As the panel has it at this moment. */
  private async attribute(selector: string, name: string): Promise<string | null> {
    const look = (frame: Frame): Promise<string | null> =>
      frame.evaluate(([where, which]) => document.querySelector(where!)?.getAttribute(which!) ?? null, [selector, name]);
    return this.workbench.webview('#app[data-events]', 0).then(look).catch(() => null);
  }

  /** Waits until the panel tells the truth again, the state and every event that is there, for 5 s. Returns the seconds that it took. */
  async truth(run: Disturbed): Promise<string> {
    let seen = 'there is no panel';
    const seconds = await timed(() => until('the panel tells the truth', async () => {
      const { state } = await readRun(run.dir);
      const events = run.seqs().length;
      const [shown, said] = [await this.shown(), await this.said()];
      seen = `it shows ${shown} of ${events} events and says "${said}" of a run that is "${state}"`;
      return shown >= events - 5 && said === state;
    }, 5).catch((error: unknown) => Promise.reject(new Error(`${String(error)}; ${seen}`))));
    assert.equal(await (await this.panel()).locator('.notices').isVisible(), false, 'the panel lacks events');
    return seconds;
  }

  /** Waits for the run's end: nothing lost, nothing twice, and the weights of the undisturbed one. */
  async end(run: Disturbed): Promise<string> {
    const last = await until('its end', async () => {
      const summary = await readRun(run.dir);
      return !summary.active && summary;
    }, 180);
    assert.equal(last.state, 'finished', last.text);
    const seqs = run.seqs();
    if (new Set(seqs).size < seqs.length) throw new Doubled(`${seqs.length - new Set(seqs).size} numbers of events are there twice`);
    assert.deepEqual(seqs, seqs.map((_, index) => index), 'events are missing');
    await until('the panel shows every event', async () => (await this.shown()) === seqs.length, 10);
    assert.ok(run.finalWeights().equals(this.weights), 'its weights are not those of the undisturbed run');
    await this.workbench.runCommand('View: Close All Editors');
    return 'same weights';
  }

  async stop(): Promise<void> {
    await this.workbench.stop();
    for (const id of readdirSync(path.join(this.folder, 'runs')).filter(isRunId)) {
      const { trainer } = new Disturbed(path.join(this.folder, 'runs', id)).status();
      if (await processAlive(trainer)) process.kill(-trainer!.pid, 'SIGKILL');
    }
  }
}

/** A run that something is done to. */
export class Disturbed {
  constructor(readonly dir: string) {}

  status(): Status {
    return JSON.parse(readFileSync(path.join(this.dir, 'status.json'), 'utf8')) as Status;
  }

  private events(): { readonly seq: number; readonly kind: string }[] {
    const file = path.join(this.dir, 'events.jsonl');
    const text = existsSync(file) ? readFileSync(file, 'utf8') : '';
    return text.split('\n').slice(0, -1).map((line) => JSON.parse(line) as { seq: number; kind: string });
  }

  seqs(): number[] {
    return this.events().map(({ seq }) => seq);
  }

  steps(): number {
    return this.events().filter(({ kind }) => kind === 'step').length;
  }

  finalWeights(): Buffer {
    const last = readdirSync(path.join(this.dir, 'checkpoints')).filter((name) => name.startsWith('step-')).sort().at(-1)!;
    return readFileSync(path.join(this.dir, 'checkpoints', last, 'model.safetensors'));
  }

  /** It has gone on since: the same trainer, more events. */
  async goesOn(since: { readonly trainer: Status['trainer']; readonly events: number }): Promise<void> {
    await until('the run goes on', () => this.seqs().length > since.events + 3);
    assert.deepEqual(this.status().trainer, since.trainer, 'another trainer runs');
  }

  now(): { readonly trainer: Status['trainer']; readonly events: number } {
    return { trainer: this.status().trainer, events: this.seqs().length };
  }
}
