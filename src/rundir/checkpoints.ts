import { lstat } from 'node:fs/promises';
import path from 'node:path';
import { parseRecord } from '../contract/parse';
import { isCheckpointName, RunDir } from './layout';
import { namesIn } from './ownFolder';
import { readPlain } from './plainFile';

export interface SavedCheckpoint {
  readonly name: string;
  readonly step: number;
  readonly attempt: number;
  readonly path: string;
}

/** The checkpoints that lie in a run's folder now, by step: of those that the events tell of, some may have made room. */
export async function listCheckpoints(dir: string): Promise<SavedCheckpoint[]> {
  const at = new RunDir(dir);
  return (await namesIn(at.checkpoints, 'folders'))
    .filter(isCheckpointName)
    .map((name) => {
      const [, step, attempt] = /^step-(\d+)-a(\d+)$/.exec(name) ?? [];
      return { name, step: Number(step), attempt: Number(attempt), path: at.checkpoint(name) };
    })
    .filter(({ step }) => Number.isFinite(step))
    .sort((a, b) => a.step - b.step || a.attempt - b.attempt);
}

/** Bytes of the list of a checkpoint's files. */
const LARGEST = 4 << 20;

/**
 * Training can go on from it: every file that the trainer wrote is there in full. It is what the trainer asks before it
 * loads one (checkpoint.py).
 */
export async function isComplete(folder: string): Promise<boolean> {
  const parsed = await readPlain(path.join(folder, 'state', 'files.json'), LARGEST).then(parseRecord, () => undefined);
  const files: unknown = parsed?.ok === true ? parsed.value['files'] : undefined;
  if (files === null || typeof files !== 'object' || !Object.hasOwn(files, 'state/state.json')) return false;
  const whole = await Promise.all(Object.entries(files).map(async ([name, size]) => {
    const found = await lstat(path.join(folder, name)).catch(() => undefined);
    return found?.isFile() === true && found.size === size;
  }));
  return whole.every(Boolean);
}

/** The one that a resumed run goes on from: the newest complete one by attempt, then by step. */
export async function newestComplete(dir: string): Promise<SavedCheckpoint | undefined> {
  const all = await listCheckpoints(dir);
  for (const one of all.sort((a, b) => b.attempt - a.attempt || b.step - a.step)) if (await isComplete(one.path)) return one;
  return undefined;
}
