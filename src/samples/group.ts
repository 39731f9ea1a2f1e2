import type { Sample } from '../contract/generated';

/** Draws of one prompt that came out alike. */
export interface DrawGroup {
  readonly text: string;
  readonly samples: readonly Sample[];
}

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

/** The different responses to one prompt, the most frequent first; of equally frequent ones the one that came first. */
export function groupDraws(draws: readonly Sample[]): DrawGroup[] {
  const groups = new Map<string, Sample[]>();
  for (const sample of draws) {
    const alike = groups.get(sample.text);
    if (alike) alike.push(sample);
    else groups.set(sample.text, [sample]);
  }
  return [...groups].map(([text, samples]) => ({ text, samples })).sort((a, b) => b.samples.length - a.samples.length);
}
