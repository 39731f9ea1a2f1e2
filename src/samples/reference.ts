import type { Sample } from '../contract/generated';

/**
 * The references as if somebody had answered with them: what a checkpoint's samples are compared with. Every draw gets
 * the accepted answer that its own response comes nearest to, as far as equality tells; otherwise the first.
 * Prompts without a reference are left out.
 */
export function referenceSamples(samples: readonly Sample[]): Sample[] {
  return samples.flatMap((sample) => {
    const text = sample.references.find((reference) => reference.trim() === sample.text.trim()) ?? sample.references[0];
    if (text === undefined) return [];
    return [{ ...sample, checkpoint: 'reference', text, ids: [], score: {}, kl: null, klSequence: null, repetition: 0, seed: null, stop: 'eos' as const, length: 0 }];
  });
}
