import type { Sample } from '../contract/generated';
import { type Pieces, wantsTokens } from '../samples/diff';
import type { Pair } from '../samples/pair';
import type { Moment } from '../samples/travel';
import { readPieces } from './tokens';

/** Tokens of the pairs in whose diff words are no unit, as far as both sides have them. */
export async function readPairPieces(
  left: { readonly dir: string; readonly side: string }, right: { readonly dir: string; readonly side: string }, pairs: readonly Pair[],
): Promise<ReadonlyMap<Pair, Pieces>> {
  const wanted = pairs.filter((pair) => pair.left && pair.right && wantsTokens(pair.left.text, pair.right.text));
  const of = (side: 'left' | 'right'): Sample[] => wanted.flatMap((pair) => pair[side] ?? []);
  const [older, newer] = await Promise.all([readPieces(left.dir, left.side, of('left')), readPieces(right.dir, right.side, of('right'))]);
  return new Map(wanted.flatMap((pair): [Pair, Pieces][] => {
    const pieces = [pair.left && older.get(pair.left), pair.right && newer.get(pair.right)];
    return pieces[0] && pieces[1] ? [[pair, { older: pieces[0], newer: pieces[1] }]] : [];
  }));
}

/** Adds the tokens of moments between which words are no unit to those that are known, as far as there is detail of them. */
export async function readMomentPieces(dir: string, moments: readonly Moment[], known: Map<Sample, readonly string[]>): Promise<void> {
  const wanted = new Set<Moment>();
  for (const [at, moment] of moments.entries()) {
    const before = moments[at - 1];
    if (before && wantsTokens(before.sample.text, moment.sample.text)) wanted.add(before).add(moment);
  }
  for (const { checkpoint, sample } of wanted) {
    if (known.has(sample)) continue;
    for (const [one, pieces] of await readPieces(dir, checkpoint, [sample])) known.set(one, pieces);
  }
}
