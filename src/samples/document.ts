import type { Sample } from '../contract/generated';
import { showControlCharacters } from '../present/text';
import { formatNumber, formatShare } from '../present/numbers';

/** Prompts in the order of their first sample, each with its draws. */
function byPrompt(samples: readonly Sample[]): Map<string, Sample[]> {
  const prompts = new Map<string, Sample[]>();
  for (const sample of samples) {
    const draws = prompts.get(sample.promptId);
    if (draws) draws.push(sample);
    else prompts.set(sample.promptId, [sample]);
  }
  return prompts;
}

const drawName = (draw: number): string => (draw === 0 ? 'greedy' : `draw ${draw}`);

function describe(sample: Sample): string {
  const parts: string[] = [];
  if (sample.score['exact'] !== undefined) parts.push(sample.score['exact'] === 1 ? 'exact' : 'differs');
  if (sample.score['rougeL'] !== undefined) parts.push(`Rouge-L ${formatShare(sample.score['rougeL'])}`);
  if (sample.kl !== null) parts.push(`KL ${formatNumber(sample.kl)}`);
  parts.push(sample.stop === 'eos' ? `${sample.length} tokens` : `${sample.length} tokens, cut off`);
  return parts.join(' · ');
}

/**
 * The samples of one checkpoint as a text to be read or diffed. Two checkpoints give the same lines in the same
 * places except where their responses and scores differ, so that a diff shows just that.
 */
export function renderSamples(samples: readonly Sample[]): string {
  const lines: string[] = [];
  for (const [promptId, draws] of byPrompt(samples)) {
    const first = draws[0];
    if (!first) continue;
    lines.push(`### ${showControlCharacters(promptId)}`, '', ...showControlCharacters(first.prompt).split('\n').map((line) => `> ${line}`));
    if (first.references.length > 0) lines.push(`reference  ${first.references.map(showControlCharacters).join('  |  ')}`);
    lines.push('');
    for (const sample of [...draws].sort((a, b) => a.draw - b.draw)) {
      lines.push(`${drawName(sample.draw).padEnd(9)}  ${describe(sample)}`, ...showControlCharacters(sample.text).split('\n').map((line) => `    ${line}`));
    }
    lines.push('');
  }
  return lines.join('\n');
}
