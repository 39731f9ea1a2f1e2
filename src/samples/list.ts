/* A long list of compared prompts: what of it is shown, and in which order. */
import type { Sample } from '../contract/generated';
import { changeOf, type Change } from './change';
import type { Pair } from './pair';

export type ListOrder = 'file' | 'worst' | 'best';

export const listOrders: readonly ListOrder[] = ['file', 'worst', 'best'];

/** Everything that became of one prompt. */
export interface Compared {
  readonly promptId: string;
  readonly prompt: string;
  readonly pairs: readonly Pair[];
  /** What happened to any of its draws. */
  readonly changes: ReadonlySet<Change>;
  /** Mean change of score over its draws, above zero when it became better. */
  readonly difference: number;
}

const scoreOf = ({ score }: Sample): number => (score['exact'] ?? 0) + (score['rougeL'] ?? 0) / 2 - (score['errorRate'] ?? 0) / 2;

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
    const both = own.flatMap(({ left, right }) => (left && right ? [scoreOf(right) - scoreOf(left)] : []));
    const difference = both.reduce((sum, value) => sum + value, 0) / Math.max(1, both.length);
    return { promptId, prompt: own[0]?.prompt ?? '', pairs: own, changes: new Set(own.map(changeOf)), difference: Number.isFinite(difference) ? difference : 0 };
  });
}

/** In another order; prompts that come out even keep theirs. */
export function sortCompared<T extends Pick<Compared, 'difference'>>(prompts: readonly T[], order: ListOrder): T[] {
  if (order === 'file') return [...prompts];
  const sign = order === 'worst' ? 1 : -1;
  return [...prompts].sort((a, b) => sign * (a.difference - b.difference));
}

/** Whether a text has been typed that any of these hold, whatever the case. */
export function holds(texts: readonly string[], wanted: string): boolean {
  const needle = wanted.trim().toLowerCase();
  return needle === '' || texts.some((text) => text.toLowerCase().includes(needle));
}
