import type { Sample } from '../contract/generated';
import type { Pair } from './pair';

/** Prompts in the order of their first sample, each with its draws in order. */
export function groupByPrompt(samples: readonly Sample[]): Map<string, Sample[]> {
  const prompts = new Map<string, Sample[]>();
  for (const sample of samples) {
    const draws = prompts.get(sample.promptId);
    if (draws) draws.push(sample);
    else prompts.set(sample.promptId, [sample]);
  }
  for (const draws of prompts.values()) draws.sort((a, b) => a.draw - b.draw);
  return prompts;
}

function groupAlike<T>(items: readonly T[], keyOf: (item: T) => string): T[][] {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const key = keyOf(item);
    const alike = groups.get(key);
    if (alike) alike.push(item);
    else groups.set(key, [item]);
  }
  return [...groups.values()];
}

/** Draws that came out alike, together; in the order of the first of each, so that the greedy one leads. */
export function groupDraws(draws: readonly Sample[]): Sample[][] {
  return groupAlike(draws, ({ text }) => text);
}

/** Draws that came out alike on both sides. */
export function groupPairs(pairs: readonly Pair[]): Pair[][] {
  return groupAlike(pairs, ({ left, right }) => JSON.stringify([left?.text ?? null, right?.text ?? null]));
}
