// A workspace around the recorded run that has token detail: the demo's prompts and the run, as it ended or changed to what a test
// needs.
import { appendFileSync, cpSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { thisMachine } from '../../src/rundir/liveness';
import { repo, temporaryFolder } from '../harness/paths';
import { identityOf } from '../harness/processes';

export const RECORDED = '20261124-232620-pronounce';

export interface Recorded {
  readonly folder: string;
  readonly dir: string;
}

export function recordedWorkspace(): Recorded {
  const folder = temporaryFolder('samples');
  const dir = path.join(folder, 'runs', RECORDED);
  mkdirSync(path.dirname(dir), { recursive: true });
  cpSync(path.join(repo, 'test', 'fixtures', 'runs', RECORDED), dir, { recursive: true });
  cpSync(path.join(repo, 'demo', 'inspect.jsonl'), path.join(folder, 'inspect.jsonl'));
  writeFileSync(path.join(folder, 'README.md'), 'A recorded run and its prompts.\n');
  return { folder, dir };
}

type Line = Readonly<Record<string, unknown>>;

export function readLines<T = Line>(file: string): T[] {
  return readFileSync(file, 'utf8').trim().split('\n').map((line) => JSON.parse(line) as T);
}

export function writeLines(file: string, lines: readonly object[]): void {
  writeFileSync(file, lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
}

function change(file: string, fields: Line): void {
  writeFileSync(file, JSON.stringify({ ...(JSON.parse(readFileSync(file, 'utf8')) as Line), ...fields }));
}

/** The run as if it were at work at this moment: this process stands in for supervisor and trainer. */
export function setToWork({ folder, dir }: Recorded): void {
  const self = identityOf(process.pid);
  const now = Date.now() / 1000;
  change(path.join(dir, 'status.json'), {
    state: 'running', host: os.hostname(), bootId: thisMachine().bootId, pidNamespace: thisMachine().pidNamespace ?? null,
    supervisor: self, trainer: self, total: 4000, eta: 600, exitCode: null, reason: null,
    heartbeat: now, heartbeatClock: null, nextHeartbeatBy: now + 3600,
  });
  rmSync(path.join(dir, 'exit.json'));
  const events = path.join(dir, 'events.jsonl');
  writeLines(events, readLines(events).filter(({ kind, full }) => kind !== 'end' && full !== true));
  const run = path.join(dir, 'run.json');
  const { config } = JSON.parse(readFileSync(run, 'utf8')) as { config: { inspect: object } };
  change(run, { config: { ...config, inspect: { ...config.inspect, prompts: path.join(folder, 'inspect.jsonl') } } });
}

const nameOf = (step: number): string => `step-${String(step).padStart(8, '0')}-a1`;

/** A run at work comes to its next checkpoint: the answers there are those of its newest, but for what `change` makes of them. */
export function comeTo(
  { dir }: Recorded, step: number, change: (samples: readonly Line[]) => readonly Line[] = (samples) => samples,
): void {
  const events = path.join(dir, 'events.jsonl');
  const told = readLines<Line & { readonly seq: number }>(events);
  const newest = told.findLast(({ kind, checkpoint }) => kind === 'samples' && checkpoint !== 'teacher')!;
  const place = { checkpoint: nameOf(step), step };
  const samples = readLines(path.join(dir, 'samples', `${String(newest['checkpoint'])}.jsonl`)).map((sample) => ({ ...sample, ...place }));
  writeLines(path.join(dir, 'samples', `${place.checkpoint}.jsonl`), change(samples));
  appendFileSync(events, `${JSON.stringify({ ...newest, ...place, seq: told.at(-1)!.seq + 1 })}\n`);
}

/** The run once more under another name, beside it. */
export function addRival({ folder, dir }: Recorded, name: string): void {
  const other = path.join(folder, 'runs', `20261125-010203-${name}`);
  cpSync(dir, other, { recursive: true });
  for (const file of ['run.json', 'status.json']) {
    const text = readFileSync(path.join(other, file), 'utf8').replaceAll(path.basename(dir), path.basename(other));
    writeFileSync(path.join(other, file), text.replace(/"name": ?"pronounce"/g, `"name":"${name}"`));
  }
}

/** Another run beside it, that took another course: its metrics are `factor` times as large, and it ended at `end`. */
export function addOtherCourse(recorded: Recorded, name: string, factor: number, end: number): string {
  addRival(recorded, name);
  const dir = path.join(recorded.folder, 'runs', `20261125-010203-${name}`);
  const events = path.join(dir, 'events.jsonl');
  const course = readLines(events).filter(({ step }) => typeof step !== 'number' || step <= end).map((event, seq) => {
    const { metrics } = event;
    if (metrics === undefined) return { ...event, seq };
    const scaled = Object.entries(metrics as object).map(([key, value]) => [key, factor * Number(value)]);
    return { ...event, seq, metrics: Object.fromEntries(scaled) as object };
  });
  writeLines(events, course);
  return dir;
}

/** The answers to a prompt without spaces, so that words are no unit of them; bytes stay where they are. */
export function joinWords({ dir }: Recorded, promptId: string): void {
  for (const name of readdirSync(path.join(dir, 'samples')).filter((one) => one.endsWith('.jsonl'))) {
    const file = path.join(dir, 'samples', name);
    const lines = readFileSync(file, 'utf8').split('\n').map((line) => {
      if (!line.includes(`"promptId":"${promptId}"`)) return line;
      return line.replace(/"text":"[^"]*"|"pieces":\[[^\]]*\]/g, (part) => part.replaceAll(' ', '-'));
    });
    writeFileSync(file, lines.join('\n'));
  }
}

/** The run of a chat model on rows without ids: they have the numbers of their lines, and the template around their words. */
export function takeNames({ dir }: Recorded): void {
  const folder = path.join(dir, 'samples');
  const numbers = new Map<unknown, string>();
  const renamed = (line: Line): Line => {
    const { promptId, prompt } = line;
    if (!numbers.has(promptId)) numbers.set(promptId, String(numbers.size + 1));
    const id = `${String(promptId).startsWith('validation:') ? 'validation:' : ''}${numbers.get(promptId)!}`;
    const asked = `How is the word “${String(prompt).replace(/[ :]/g, '')}” pronounced? Give the phonemes of the Carnegie Mellon dictionary.`;
    return { ...line, promptId: id, prompt: `<|im_start|>system\nYou are a phonetician.<|im_end|>\n<|im_start|>user\n${asked}<|im_end|>\n<|im_start|>assistant\n` };
  };
  for (const name of readdirSync(folder).filter((one) => one.endsWith('.jsonl'))) {
    const file = path.join(folder, name);
    const lines = readLines(file).map(renamed);
    writeLines(file, lines);
    if (!name.endsWith('.tokens.jsonl')) continue;
    let bytes = 0;
    const places = lines.map((line) => {
      const { promptId, kind, draw } = line;
      const length = Buffer.byteLength(JSON.stringify(line)) + 1;
      bytes += length;
      return { promptId, kind, draw, offset: bytes - length, length };
    });
    writeFileSync(file.replace(/jsonl$/, 'index'), JSON.stringify({ v: 1, bytes, lines: places }));
  }
}

/** The run as if an attempt had diverged for 80 steps after step 1600, and been resumed from there. */
export function diverge({ dir }: Recorded): void {
  const events = path.join(dir, 'events.jsonl');
  const told = readLines<Line & { readonly kind: string; readonly step?: number }>(events);
  const after = told.findIndex(({ kind, step }) => kind === 'step' && step === 1601);
  const exploding = Array.from({ length: 80 }, (_, i) => ({ ...told[after]!, step: 1601 + i, metrics: { 'loss/total': 1.105 ** i } }));
  const resume = { v: 1, t: told[after]!['t'], attempt: 2, kind: 'resume', step: 1600, checkpoint: 'step-00001600-a1' };
  writeLines(events, [...told.slice(0, after), ...exploding, resume, ...told.slice(after)].map((event, seq) => ({ ...event, seq })));
}

/** What the last two checkpoints are called when they are those of an attempt that went back to step 1000. */
const SECOND_ATTEMPT: Readonly<Record<string, string>> = {
  'step-00001600-a1': 'step-00001200-a2', 'step-00001700-a1': 'step-00001400-a2',
};

/** The run as if it had been resumed from step 1000: what the first attempt wrote at 1200 and 1400 is a discarded branch. */
export function goBack({ dir }: Recorded): void {
  for (const part of ['samples', 'checkpoints', 'evaluations']) {
    for (const name of readdirSync(path.join(dir, part))) {
      const [, checkpoint = '', rest = ''] = /^(step-\d+-a\d)(.*)$/.exec(name) ?? [];
      const other = SECOND_ATTEMPT[checkpoint];
      if (other !== undefined) renameSync(path.join(dir, part, name), path.join(dir, part, `${other}${rest}`));
    }
  }
  const renamed = (text: string): string => Object.entries(SECOND_ATTEMPT).reduce((all, [from, to]) => all.replaceAll(from, to), text);
  const events = path.join(dir, 'events.jsonl');
  writeLines(events, readLines(events).map((event) => {
    const next = JSON.parse(renamed(JSON.stringify(event))) as Line;
    const name = [next['checkpoint'], next['name']].find((one) => typeof one === 'string' && one.endsWith('-a2')) as string | undefined;
    return name === undefined ? next : { ...next, step: Number(name.slice(5, 13)), attempt: 2 };
  }));
  for (const name of Object.values(SECOND_ATTEMPT)) {
    const file = path.join(dir, 'samples', `${name}.jsonl`);
    writeLines(file, readLines(file).map((sample) => ({ ...sample, checkpoint: name, step: Number(name.slice(5, 13)) })));
  }
}
