import type { Sample } from '../contract/generated';
import { checkpointLabel } from '../present/labels';
import { referenceSamples } from '../samples/reference';
import { isCheckpointName } from './layout';
import { readSamples, sampledCheckpoints } from './samples';

/** One of the things that answered the inspection prompts: a checkpoint's name, `teacher`, or `reference`. */
export interface Side {
  readonly name: string;
  readonly label: string;
}

export const REFERENCE: Side = { name: 'reference', label: 'reference' };

/** Nothing else names a side: names become paths. */
export function isSideName(text: string): boolean {
  return isCheckpointName(text) || text === REFERENCE.name;
}

/** A side was named that the run does not have. The message is a sentence for the user. */
export class NoSuchSide extends Error {
  override readonly name = 'NoSuchSide';
}

/** Everything that can be compared, in order: checkpoints by step, the teacher, the references. */
export async function listSides(dir: string): Promise<Side[]> {
  const names = await sampledCheckpoints(dir);
  const sides = names.map((name) => ({ name, label: checkpointLabel(name) }));
  return sides.length > 0 ? [...sides, REFERENCE] : [];
}

/**
 * The side that a person means by a step (`200`), a checkpoint's name, `first`, `last`, `teacher` or `reference`. Of a
 * step that two attempts reached, the later one is meant. Rejects with NoSuchSide.
 */
export async function findSide(dir: string, text: string): Promise<Side> {
  const sides = await listSides(dir);
  const checkpoints = sides.filter(({ name }) => name.startsWith('step-'));
  if (sides.length === 0) throw new NoSuchSide('This run has no samples yet: they come with its first checkpoint.');
  const found = text === 'first' ? checkpoints[0]
    : text === 'last' ? checkpoints.at(-1)
    : /^\d{1,8}$/.test(text) ? checkpoints.findLast(({ name }) => name.startsWith(`step-${text.padStart(8, '0')}-`))
    : sides.find(({ name }) => name === text);
  if (found) return found;
  const steps = checkpoints.map(({ label }) => label.replace('step ', '')).join(', ');
  throw new NoSuchSide(`There are no samples of "${text}". Steps with samples: ${steps}; besides them first, last, teacher and reference.`);
}

/** The samples of a side. Those of the references come from the newest checkpoint, which has every prompt that others have. */
export async function readSide(dir: string, side: string): Promise<Sample[]> {
  if (side !== REFERENCE.name) return readSamples(dir, side);
  const newest = (await sampledCheckpoints(dir)).findLast((name) => isCheckpointName(name) && name !== 'teacher') ?? 'teacher';
  return referenceSamples(await readSamples(dir, newest));
}
