import { diffWordsWithSpace } from 'diff';

/** A stretch of text that two responses share, or that only one of them has. */
export interface Stretch {
  readonly kind: 'same' | 'added' | 'removed';
  readonly text: string;
}

/** Longest text whose words are compared: beyond it a panel would wait, and a reader would not read. */
const LONGEST = 20_000;

/** Compares two responses word by word; what was removed comes before what replaced it. */
export function diffWords(older: string, newer: string): Stretch[] {
  if (older === newer) return older === '' ? [] : [{ kind: 'same', text: older }];
  const changes = older.length + newer.length <= LONGEST ? diffWordsWithSpace(older, newer, { timeout: 200 }) : undefined;
  if (changes === undefined) return [{ kind: 'removed' as const, text: older }, { kind: 'added' as const, text: newer }].filter(({ text }) => text !== '');
  return changes.map(({ added, removed, value }) => ({ kind: added ? 'added' : removed ? 'removed' : 'same', text: value }));
}
