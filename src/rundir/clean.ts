import { randomBytes } from 'node:crypto';
import { rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { parseRecord } from '../contract/parse';
import { checkpointRows } from '../present/checkpoints';
import { isComplete, listCheckpoints, type SavedCheckpoint } from './checkpoints';
import { readHistory } from './follow';
import { RunDir } from './layout';
import { readPlain } from './plainFile';
import { readRun, type RunSummary } from './runs';
import { folderSize } from './size';

/** Bytes of a record of ours. */
const LARGEST = 4 << 20;

/** What can be taken from a run without losing what it came to. */
export interface Spare {
  readonly summary: RunSummary;
  readonly checkpoints: readonly SpareCheckpoint[];
  readonly bytes: number;
}

interface SpareCheckpoint extends SavedCheckpoint {
  readonly bytes: number;
}

/** Here or on another machine. */
const mayBeAtWork = ({ active, state }: RunSummary): boolean => active || state === 'unknown';

/**
 * The checkpoints of a run that nobody would miss: all but the newest complete one of each attempt, the best, and the
 * pinned. None while the run may be at work.
 */
export async function findSpare(dir: string): Promise<Spare> {
  const summary = await readRun(dir);
  const all = mayBeAtWork(summary) ? [] : await listCheckpoints(dir);
  const keep = new Set([...(await pinned(dir)), ...(await newestOfEach(all)), ...(await best(dir, summary))]);
  const spare = all.filter(({ name }) => !keep.has(name));
  return spareOf(summary, await Promise.all(spare.map(async (one) => ({ ...one, bytes: await folderSize(one.path) }))));
}

function spareOf(summary: RunSummary, checkpoints: readonly SpareCheckpoint[]): Spare {
  return { summary, checkpoints, bytes: checkpoints.reduce((sum, { bytes }) => sum + bytes, 0) };
}

/**
 * Deletes what `findSpare` finds at this moment, and returns what is gone: a run that is resumed meanwhile keeps the rest. Who
 * has a file of it open keeps reading it: it is unlinked, never changed.
 */
export async function takeSpare(dir: string): Promise<Spare> {
  const { summary, checkpoints } = await findSpare(dir);
  const gone: SpareCheckpoint[] = [];
  for (const checkpoint of checkpoints) {
    if (mayBeAtWork(await readRun(dir))) break;
    const { path: folder, name } = checkpoint;
    // Renamed first, so that no reader lists half a checkpoint.
    const doomed = path.join(path.dirname(folder), `.gone-${name}-${randomBytes(3).toString('hex')}`);
    await rename(folder, doomed);
    await rm(doomed, { recursive: true, force: true });
    gone.push(checkpoint);
  }
  return spareOf(summary, gone);
}

async function newestOfEach(all: readonly SavedCheckpoint[]): Promise<string[]> {
  const newest: string[] = [];
  for (const attempt of new Set(all.map((one) => one.attempt))) {
    for (const { name, path: folder } of all.filter((one) => one.attempt === attempt).reverse()) {
      newest.push(name);
      if (await isComplete(folder)) break; // what is newer and damaged stays too: somebody may want to mend it
    }
  }
  return newest;
}

async function pinned(dir: string): Promise<string[]> {
  const parsed = await readPlain(new RunDir(dir).user, LARGEST).then(parseRecord, () => undefined);
  const pins = parsed?.ok === true ? parsed.value['pins'] : undefined;
  return Array.isArray(pins) ? pins.filter((pin): pin is string => typeof pin === 'string') : [];
}

async function best(dir: string, { run }: RunSummary): Promise<string[]> {
  const { history } = await readHistory(dir);
  const rows = checkpointRows(history, run?.config.checkpoints.best ?? 'eval/kl_reverse');
  return rows.filter((row) => row.best).map(({ name }) => name);
}
