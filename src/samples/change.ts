import type { Sample } from '../contract/generated';
import type { Pair } from './pair';

/** What became of a response between two sides, in the words that every reader of it sees. `unpaired`: one of them has none. */
export type Change = 'improved' | 'regressed' | 'changed' | 'same' | 'unpaired';

export const changes: readonly Change[] = ['improved', 'regressed', 'changed', 'same', 'unpaired'];

/** Scores against the references, what weighs most first, each with its good direction. */
const directions: readonly (readonly [score: string, sign: 1 | -1])[] = [['exact', 1], ['errorRate', -1], ['rougeL', 1]];

/** The first score in which two responses differ decides: positive when the right one is better, 0 when none tells. */
export function compareScores(left: Sample, right: Sample): number {
  for (const [score, sign] of directions) {
    const difference = sign * ((right.score[score] ?? NaN) - (left.score[score] ?? NaN));
    if (Number.isFinite(difference) && Math.abs(difference) > 1e-9) return difference;
  }
  return 0;
}

/** Judges a pair by its scores. Another text that scores the same is `changed`, and no judgement. */
export function changeOf({ left, right }: Pair): Change {
  if (left === undefined || right === undefined) return 'unpaired';
  const difference = compareScores(left, right);
  if (difference !== 0) return difference > 0 ? 'improved' : 'regressed';
  return left.text === right.text ? 'same' : 'changed';
}

export function countChanges(pairs: readonly Pair[]): Record<Change, number> {
  const counts: Record<Change, number> = { improved: 0, regressed: 0, changed: 0, same: 0, unpaired: 0 };
  for (const pair of pairs) counts[changeOf(pair)]++;
  return counts;
}
