import type { Sample } from '../contract/generated';
import { showBeginning } from '../present/text';
import { groupByPrompt } from './group';
import { verdictOf } from './measured';
import { namePrompts } from './promptName';

export const drawName = (draw: number): string => (draw === 0 ? 'greedy' : `draw ${draw}`);

/** Of draws that came out alike: the first one's name, and how many there are. */
export const drawNames = (draws: readonly number[]): string => `${drawName(draws[0] ?? 0)}${draws.length > 1 ? ` ×${draws.length}` : ''}`;

/** Where the head of a response stands in a samples document. */
export interface SamplePlace {
  /** From 0. */
  readonly line: number;
  readonly sample: Sample;
}

/**
 * The samples of one checkpoint as a text to be read or diffed. Two checkpoints give the same lines in the same
 * places except where their responses differ, so that a diff shows just that: KL and scores, which differ a little
 * everywhere, are no part of the text. The editor draws them beside it.
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
  // Of a single prompt the document's own name tells, and a diff that hides what is the same has room for the prompt.
  const nameOf = prompts.size > 1 ? namePrompts(samples) : undefined;
  for (const [promptId, draws] of prompts) {
    const [first] = draws;
    if (!first) continue;
    if (nameOf) lines.push(`### ${nameOf(promptId).label}`, '');
    lines.push(...linesOf(first.prompt).map((line) => `> ${line}`));
    if (first.references.length > 0) lines.push(`reference  ${first.references.map((text) => showBeginning(text, LONGEST_LINE)).join('  |  ')}`);
    lines.push('');
    for (const sample of draws) {
      places.push({ line: lines.length, sample });
      lines.push(`${drawName(sample.draw).padEnd(9)}  ${verdictOf(sample)}`.trimEnd());
      lines.push(...linesOf(sample.text).map((line) => `    ${line}`));
    }
    lines.push('');
  }
  return { lines, places };
}
