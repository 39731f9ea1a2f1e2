import type { Sample } from '../../contract/generated';
import { checkpointLabel } from '../../present/labels';
import { showBeginning } from '../../present/text';
import { readSamples } from '../../rundir/samples';

/** Characters of an error that a page has room for. */
const LONGEST_REASON = 200;

export function reasonOf(error: unknown): string {
  return showBeginning(error instanceof Error ? error.message : String(error), LONGEST_REASON);
}

/** Adds the samples of these sides to those that are known. One that cannot be read is left out: returns a sentence for each. */
export async function readSides(dir: string, names: readonly string[], known: Map<string, readonly Sample[]>): Promise<string[]> {
  const unread: string[] = [];
  for (const name of names) {
    // What a checkpoint wrote never changes; the teacher answers prompts that are added later, too.
    if (known.has(name) && name !== 'teacher') continue;
    try {
      known.set(name, await readSamples(dir, name));
    } catch (error) {
      unread.push(`The samples of ${checkpointLabel(name)} cannot be read (${reasonOf(error)}).`);
    }
  }
  return unread;
}
