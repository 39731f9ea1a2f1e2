import { randomBytes } from 'node:crypto';
import { rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ControlOutcome, ControlRequest } from '../contract/generated';
import { parseRecord, VERSION } from '../contract/parse';
import { RunDir } from './layout';
import { readRun } from './runs';
import { insistOnOwnFolder } from './ownFolder';
import { readPlain } from './plainFile';

export type ControlVerb = ControlRequest['verb'];

/** Bytes of an outcome. One of ours has a few hundred. */
const LARGEST = 1 << 20;

/** Asks a run for something. Returns the request's id; its outcome comes later, in control/done/. Rejects with LinkedFolder. */
export async function sendControl(dir: string, verb: ControlVerb, by: string, args: ControlRequest['args'] = {}): Promise<string> {
  const at = new RunDir(dir);
  await insistOnOwnFolder(at.control);
  const t = Date.now() / 1000;
  const id = `${Math.round(t * 1000)}-${randomBytes(4).toString('hex')}`;
  const request: ControlRequest = { v: VERSION, id, verb, args, by, t };
  // Written whole under another name first: the supervisor reads only *.json.
  const part = path.join(at.control, `.${id}.part`);
  await writeFile(part, JSON.stringify(request));
  await rename(part, path.join(at.control, `${id}.json`));
  return id;
}

/** Waits for the outcome of a request; undefined when none came in time. */
export async function awaitOutcome(dir: string, id: string, timeoutMs: number): Promise<ControlOutcome | undefined> {
  const file = path.join(new RunDir(dir).controlDone, `${id}.json`);
  const end = Date.now() + timeoutMs;
  for (;;) {
    try {
      const parsed = parseRecord(await readPlain(file, LARGEST));
      if (parsed.ok) return parsed.value as unknown as ControlOutcome;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
    if (Date.now() >= end) return undefined;
    await sleep(100);
  }
}

/** Milliseconds between looks whether a run that has not answered has ended. */
const SLICE = 1000;

export interface Waiting {
  /** Aborted when nobody waits any more. */
  readonly signal?: AbortSignal;
  /** Called after each look that found no outcome. */
  readonly onLook?: () => void;
}

/**
 * Waits for the outcome of a request for as long as it can come: it may be as far away as the end of a step or of an
 * evaluation. Undefined once the run has ended without one, or nobody waits any more.
 */
export async function awaitAnswer(dir: string, id: string, { signal, onLook }: Waiting = {}): Promise<ControlOutcome | undefined> {
  while (signal?.aborted !== true) {
    // The state first: what was answered before the end is there to be read after it, or follows at once.
    const ended = !(await readRun(dir)).active;
    const answer = await awaitOutcome(dir, id, SLICE);
    if (answer !== undefined || ended) return answer;
    onLook?.();
  }
  return undefined;
}
