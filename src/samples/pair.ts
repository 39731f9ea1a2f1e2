import type { Sample } from '../contract/generated';

/** The same prompt and draw on two sides; one of them may be missing. */
export interface Pair {
  readonly promptId: string;
  readonly draw: number;
  readonly prompt: string;
  readonly left: Sample | undefined;
  readonly right: Sample | undefined;
}

// The text counts, too: a prompt whose row was edited while the run went on is another one.
const keyOf = (sample: Sample): string => `${sample.draw}\u0000${sample.promptId}\u0000${sample.prompt}`;

/** Pairs the samples of two checkpoints by prompt and draw, in the order of the left side; what only the right side has follows. */
export function pairSamples(left: readonly Sample[], right: readonly Sample[]): Pair[] {
  const others = new Map(right.map((sample) => [keyOf(sample), sample]));
  const pairs: Pair[] = left.map((sample) => {
    const other = others.get(keyOf(sample));
    others.delete(keyOf(sample));
    return { promptId: sample.promptId, draw: sample.draw, prompt: sample.prompt, left: sample, right: other };
  });
  for (const sample of others.values()) {
    pairs.push({ promptId: sample.promptId, draw: sample.draw, prompt: sample.prompt, left: undefined, right: sample });
  }
  return pairs;
}
