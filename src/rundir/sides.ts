import type { Sample } from '../contract/generated';
import { checkpointLabel } from '../present/labels';
import { discardedCheckpoints, keptCheckpoints } from '../samples/branch';
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

/**
 * Everything that can be compared, in order: the checkpoints that led to the newest by step, the teacher, the references,
 * and last the checkpoints that a resumed attempt went back behind.
 */
export async function listSides(dir: string): Promise<Side[]> {
  const names = await sampledCheckpoints(dir);
  const named = (name: string): Side => ({ name, label: checkpointLabel(name) });
  const sides = [...keptCheckpoints(names).map(named), ...names.filter((name) => name === 'teacher').map(named)];
  if (sides.length === 0) return [];
  return [...sides, REFERENCE, ...discardedCheckpoints(names).map((name) => ({ name, label: `${checkpointLabel(name)}, discarded` }))];
}

/** The newest checkpoint with samples, of those that count; undefined when there is none. */
export async function newestSampled(dir: string): Promise<string | undefined> {
  return keptCheckpoints(await sampledCheckpoints(dir)).at(-1);
}

/**
 * The side that a person means by a step (`200`), a checkpoint's name, `first`, `last`, `teacher` or `reference`. Of a
 * step that two attempts reached, the one that was not discarded is meant. Rejects with NoSuchSide.
 */
export async function findSide(dir: string, text: string): Promise<Side> {
  const sides = await listSides(dir);
  if (sides.length === 0) throw new NoSuchSide('This run has no samples yet: they come with its first checkpoint.');
  const checkpoints = sides.filter(({ name }) => name.startsWith('step-'));
  const kept = checkpoints.slice(0, sides.findIndex(({ name }) => !name.startsWith('step-')));
  const found = text === 'first' ? kept[0]
    : text === 'last' ? kept.at(-1)
    : /^\d{1,8}$/.test(text) ? checkpoints.find(({ name }) => name.startsWith(`step-${text.padStart(8, '0')}-`))
    : sides.find(({ name }) => name === text);
  if (found) return found;
  const steps = checkpoints.map(({ label }) => label.replace('step ', '')).join(', ');
  throw new NoSuchSide(`There are no samples of "${text}". Steps with samples: ${steps}; besides them first, last, teacher and reference.`);
}

/** The samples of a side. Those of the references come from the newest checkpoint, which has every prompt that others have. */
export async function readSide(dir: string, side: string): Promise<Sample[]> {
  if (side !== REFERENCE.name) return readSamples(dir, side);
  return referenceSamples(await readSamples(dir, (await newestSampled(dir)) ?? 'teacher'));
}
