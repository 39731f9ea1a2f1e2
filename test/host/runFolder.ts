// Run folders as the trainer and its supervisor leave them, written by hand: what the views show can be checked without training.
import { mkdirSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { Status } from '../../src/contract/generated';
import { thisMachine } from '../../src/rundir/liveness';

/** A record with the fields that readers rely on, and not all that the contract has: readers take more and less. */
type Written = Readonly<Record<string, unknown>>;

export interface RunSpec {
  readonly id: string;
  readonly name: string;
  readonly state: Status['state'];
  readonly step: number;
  readonly total: number;
  readonly reason?: string;
  /** Of the config that the run was started from. */
  readonly configSource?: string;
  readonly eta?: number;
  /** A living process that stands in for supervisor and trainer. */
  readonly process?: Status['supervisor'];
  /** Events besides those of steps and checkpoints, at the end. */
  readonly more?: readonly Written[];
  /** Of the run that it was forked from. */
  readonly parent?: Written;
  /** Changes to its status. */
  readonly status?: Written;
  /** Answers of the student to each prompt, per checkpoint step. */
  readonly answers?: Readonly<Record<number, Readonly<Record<string, string>>>>;
}

const PROMPTS: Readonly<Record<string, readonly [prompt: string, reference: string]>> = {
  distill: ['d i s t i l l :', 'D IH S T IH L'],
  laughter: ['l a u g h t e r :', 'L AE F T ER'],
};

function kl(step: number, total: number): number {
  return 0.4 + 0.5 * Math.exp((-3 * step) / total);
}

function eventsOf(spec: RunSpec): Written[] {
  const { step: last, total } = spec;
  const out: Written[] = [{
    kind: 'start', device: 'cpu', precision: 'fp32', threads: 2, versions: {}, parameters: { teacher: 1_780_000, student: 58_896 }, vocabulary: 70, rows: { train: 200 },
    plan: [{ method: 'minillm', firstStep: 1, steps: total }], total,
  }];
  for (let step = 1; step <= last; step++) out.push({ kind: 'step', step, phase: 0, metrics: { 'loss/total': 1 / step, 'kl/reverse': kl(step, total) } });
  for (const step of Object.keys(spec.answers ?? {}).map(Number)) {
    const name = checkpointName(step);
    out.push(
      { kind: 'checkpoint', step, name, path: `checkpoints/${name}`, bytes: 240_000, seconds: 0.1, phase: 'minillm' },
      { kind: 'samples', step, checkpoint: name, path: `samples/${name}.jsonl`, count: 2 },
      {
        kind: 'evaluation', step, checkpoint: name, subject: 'student', full: false, rows: 100, temperature: 1, path: `evaluations/${name}.json`,
        metrics: { 'eval/kl_reverse': kl(step, total), 'eval/accuracy_greedy': 0.3 + (0.2 * step) / total, 'eval/rougeL_greedy': 0.8 },
      },
    );
  }
  return [...out, ...(spec.more ?? [])];
}

export function checkpointName(step: number): string {
  return `step-${String(step).padStart(8, '0')}-a1`;
}

function samplesOf(step: number, answers: Readonly<Record<string, string>>): Written[] {
  return Object.entries(answers).map(([promptId, text]) => {
    const [prompt, reference] = PROMPTS[promptId] ?? [promptId, ''];
    return {
      v: 1, checkpoint: checkpointName(step), step, promptId, prompt, draw: 0, seed: null, ids: [], text, references: [reference],
      score: { exact: text === reference ? 1 : 0, rougeL: 0.9 }, kl: 0.31, klSequence: 1.24, repetition: 0, length: text.split(' ').length + 1, stop: 'eos',
    };
  });
}

/** Writes a whole run folder and returns its path. */
export function writeRun(runsFolder: string, spec: RunSpec): string {
  const dir = path.join(runsFolder, spec.id);
  for (const folder of ['control/done', 'control/trainer', 'samples', 'checkpoints', 'provenance']) mkdirSync(path.join(dir, folder), { recursive: true });
  const now = Date.now() / 1000;
  const put = (name: string, value: unknown): void => writeFileSync(path.join(dir, name), `${JSON.stringify(value)}\n`);
  const config = { name: spec.name, teacher: { model: 'teacher' }, student: { model: 'student' }, checkpoints: { every: 50, keep: null, best: 'eval/kl_reverse' } };
  const run: Written = {
    v: 1, id: spec.id, name: spec.name, created: now - 600, config, configSource: spec.configSource ?? '', workspace: '',
    provenance: { git: false, reason: 'no git', commit: null, branch: null, remote: null, dirty: false, patch: null, untracked: [], untrackedLeftOut: [] },
    command: [], environment: { python: 'python3', reason: '', pythonVersion: '3.11.2', packages: {}, devices: ['cpu'], trainer: null }, parent: spec.parent ?? null, dataFiles: [],
  };
  writeFileSync(path.join(dir, 'config.jsonc'), '{\n  // as it was written\n}\n');
  writeFileSync(path.join(dir, 'log.txt'), 'loading the teacher\n');
  const events = eventsOf(spec).map((event, seq) => ({ v: 1, seq, t: now - 500 + seq, attempt: 1, ...event }));
  writeFileSync(path.join(dir, 'events.jsonl'), events.map((event) => `${JSON.stringify(event)}\n`).join(''));
  for (const [step, answers] of Object.entries(spec.answers ?? {})) {
    mkdirSync(path.join(dir, 'checkpoints', checkpointName(Number(step))), { recursive: true });
    const lines = samplesOf(Number(step), answers).map((sample) => `${JSON.stringify(sample)}\n`);
    writeFileSync(path.join(dir, 'samples', `${checkpointName(Number(step))}.jsonl`), lines.join(''));
  }
  put('status.json', statusOf(spec, now));
  put('run.json', run);
  return dir;
}

function statusOf(spec: RunSpec, now: number): Written {
  return {
    v: 1, run: spec.id, state: spec.state, attempt: 1, host: os.hostname(),
    bootId: thisMachine().bootId, pidNamespace: thisMachine().pidNamespace ?? null,
    supervisor: spec.process ?? null, trainer: spec.process ?? null, phase: 'minillm', step: spec.step, total: spec.total, eta: spec.eta ?? null, activity: null,
    started: now - 600, heartbeat: now, heartbeatClock: null, nextHeartbeatBy: now + 3600,
    silentSince: null, behind: [], restarts: 0, restartAt: null, stopDeadline: null, exitCode: null, reason: spec.reason ?? null,
    ...spec.status,
  };
}
