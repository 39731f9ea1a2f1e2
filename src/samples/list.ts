/* A long list of compared prompts: what of it is shown, and in which order. */
import type { Sample } from '../contract/generated';
import { changeOf, type Change } from './change';
import type { Pair } from './pair';

/** As in the file; the most regressed or the most improved first; the lowest score first. */
export type ListOrder = 'prompt' | 'change' | 'gain' | 'score';

export const listOrders: readonly ListOrder[] = ['prompt', 'change', 'gain', 'score'];

/** What a list goes by. */
export interface Listed {
  /** What happened to any of its draws. */
  readonly changes: readonly Change[];
  /** Mean change of score over its draws, above zero when it improved. */
  readonly difference: number;
  /** Mean score of the right side; null when there is none. */
  readonly score: number | null;
}

/** Everything that became of one prompt. */
export interface Compared extends Listed {
  readonly promptId: string;
  readonly prompt: string;
  readonly pairs: readonly Pair[];
}

const scoreOf = ({ score }: Sample): number => (score['exact'] ?? 0) + (score['rougeL'] ?? 0) / 2 - (score['errorRate'] ?? 0) / 2;

function mean(values: readonly number[]): number | null {
  const known = values.filter(Number.isFinite);
  return known.length === 0 ? null : known.reduce((sum, value) => sum + value, 0) / known.length;
}

/** Pairs by prompt, in the order of their first one. */
export function comparePrompts(pairs: readonly Pair[]): Compared[] {
  const prompts = new Map<string, Pair[]>();
  for (const pair of pairs) {
    const known = prompts.get(pair.promptId);
    if (known) known.push(pair);
    else prompts.set(pair.promptId, [pair]);
  }
  return [...prompts].map(([promptId, own]) => {
    own.sort((a, b) => a.draw - b.draw);
    return {
      promptId,
      prompt: own[0]?.prompt ?? '',
      pairs: own,
      changes: [...new Set(own.map(changeOf))],
      difference: mean(own.flatMap(({ left, right }) => (left && right ? [scoreOf(right) - scoreOf(left)] : []))) ?? 0,
      score: mean(own.flatMap(({ right }) => (right && Object.keys(right.score).length > 0 ? [scoreOf(right)] : []))),
    };
  });
}

/** The texts in which a person looks for something. */
export function textsOf({ promptId, prompt, pairs }: Compared): string[] {
  const [first] = pairs;
  return [promptId, prompt, ...((first?.right ?? first?.left)?.references ?? []), ...pairs.flatMap(({ left, right }) => [left?.text ?? '', right?.text ?? ''])];
}

/** Those to one of whose draws one of these happened; null lets all pass. */
export function onlyChanged<T extends Listed>(prompts: readonly T[], only: readonly Change[] | null): T[] {
  return only === null ? [...prompts] : prompts.filter(({ changes }) => changes.some((change) => only.includes(change)));
}

/** In another order; prompts that come out even keep theirs, and what has no score comes last. */
export function sortListed<T extends Listed>(prompts: readonly T[], order: ListOrder): T[] {
  const keys: Readonly<Record<ListOrder, (prompt: T) => number>> = {
    prompt: () => 0,
    change: ({ difference }) => difference,
    gain: ({ difference }) => -difference,
    score: ({ score }) => score ?? Infinity,
  };
  const key = keys[order];
  return [...prompts].sort((a, b) => (key(a) === key(b) ? 0 : key(a) - key(b)));
}

/** Whether a text has been typed that any of these hold, whatever the case. */
export function holds(texts: readonly string[], wanted: string): boolean {
  const needle = wanted.trim().toLowerCase();
  return needle === '' || texts.some((text) => text.toLowerCase().includes(needle));
}
