import type { Sample } from '../contract/generated';
import { formatNumber, formatShare } from '../present/numbers';
import { showBeginning, showControlCharacters } from '../present/text';
import { groupByPrompt } from './group';

export const drawName = (draw: number): string => (draw === 0 ? 'greedy' : `draw ${draw}`);

/** Of draws that came out alike: the first one's name, and how many there are. */
export const drawNames = (draws: readonly number[]): string => `${drawName(draws[0] ?? 0)}${draws.length > 1 ? ` ×${draws.length}` : ''}`;

/** Score, divergence and length of a response in a few words. */
export function describeSample(sample: Sample): string {
  const parts: string[] = [];
  if (sample.score['exact'] === 1) parts.push('exact');
  if (sample.score['errorRate'] !== undefined) parts.push(`error rate ${formatShare(sample.score['errorRate'])}`);
  if (sample.score['rougeL'] !== undefined) parts.push(`Rouge-L ${formatShare(sample.score['rougeL'])}`);
  if (sample.kl !== null) parts.push(`KL ${formatNumber(sample.kl)}`);
  if (sample.length > 0) parts.push(`${sample.length} token${sample.length === 1 ? '' : 's'}${sample.stop === 'eos' ? '' : ', cut off'}`);
  return parts.join(' · ');
}

/**
 * What a person wants to know of a response besides its text, where there is something to know: nothing that changes while the
 * text stays, and no word for what is plain from the reference above.
 */
function verdict({ score, stop, length }: Sample): string {
  return [...(score['exact'] === 1 ? ['exact'] : []), ...(stop !== 'eos' && length > 0 ? ['cut off'] : [])].join(', ');
}

/** Where the head of a response stands in a samples document. */
export interface SamplePlace {
  /** From 0. */
  readonly line: number;
  readonly sample: Sample;
}

/**
 * The samples of one checkpoint as a text to be read or diffed. Two checkpoints give the same lines in the same
 * places except where their responses differ, so that a diff shows just that: KL and scores, which differ a little
 * everywhere, stand above the responses as code lenses.
 */
export function renderSamples(samples: readonly Sample[]): string {
  return layOutSamples(samples).lines.join('\n');
}

/** Characters of one line that are shown: an editor compares lines character by character, and nobody reads a megabyte. */
const LONGEST_LINE = 10_000;

const linesOf = (text: string): string[] => text.split('\n').map((line) => showBeginning(line, LONGEST_LINE));

/** The lines of that document, and where each response begins. */
export function layOutSamples(samples: readonly Sample[]): { readonly lines: readonly string[]; readonly places: readonly SamplePlace[] } {
  const lines: string[] = [];
  const places: SamplePlace[] = [];
  const prompts = groupByPrompt(samples);
  for (const [promptId, draws] of prompts) {
    const [first] = draws;
    if (!first) continue;
    // Of a single prompt the document's own name tells, and a diff that hides what is the same has room for the prompt.
    if (prompts.size > 1) lines.push(`### ${showControlCharacters(promptId)}`, '');
    lines.push(...linesOf(first.prompt).map((line) => `> ${line}`));
    if (first.references.length > 0) lines.push(`reference  ${first.references.map((text) => showBeginning(text, LONGEST_LINE)).join('  |  ')}`);
    lines.push('');
    for (const sample of draws) {
      places.push({ line: lines.length, sample });
      lines.push(`${drawName(sample.draw).padEnd(9)}  ${verdict(sample)}`.trimEnd());
      lines.push(...linesOf(sample.text).map((line) => `    ${line}`));
    }
    lines.push('');
  }
  return { lines, places };
}
