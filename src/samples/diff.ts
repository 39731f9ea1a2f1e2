import { type ChangeObject, diffChars, diffSentences, diffWordsWithSpace } from 'diff';

/** A stretch of text that two responses share, or that only one of them has. */
export interface Stretch {
  readonly kind: 'same' | 'added' | 'removed';
  readonly text: string;
}

export type DiffUnit = 'word' | 'sentence' | 'character';

export interface TextDiff {
  readonly unit: DiffUnit;
  /** In reading order; what was removed comes before what replaced it. */
  readonly parts: readonly Stretch[];
}

/** Longest texts together that are compared word by word: beyond it nobody waits for the answer, or reads it. */
const LONGEST = 20_000;
/** Milliseconds that one comparison may take. */
const PATIENCE = 200;
/** Prose that keeps less of its words than this was written anew: word by word it would be confetti. */
const KEPT_AT_LEAST = 0.4;

const stretches = (changes: readonly ChangeObject<string>[]): Stretch[] =>
  changes.map(({ added, removed, value }) => ({ kind: added ? 'added' : removed ? 'removed' : 'same', text: value }));

function replaced(older: string, newer: string): Stretch[] {
  const both: Stretch[] = [{ kind: 'removed', text: older }, { kind: 'added', text: newer }];
  return both.filter(({ text }) => text !== '');
}

/** Share of the longer text that both have. */
function keptShare(parts: readonly Stretch[], older: string, newer: string): number {
  const kept = parts.reduce((sum, { kind, text }) => (kind === 'same' ? sum + text.length : sum), 0);
  return kept / Math.max(1, older.length, newer.length);
}

const sentenceCount = (text: string): number => text.split(/[.!?。！？]+\s|[。！？]/).length;

/**
 * Compares two responses in the unit that reads best: words; characters where there are no words to tell apart
 * (a single one, or a script without spaces); whole sentences where most words of some prose changed.
 */
export function diffText(older: string, newer: string): TextDiff {
  if (older === newer) return { unit: 'word', parts: older === '' ? [] : [{ kind: 'same', text: older }] };
  if (older.length + newer.length > LONGEST) return { unit: 'sentence', parts: replaced(older, newer) };
  if (!/\S\s+\S/.test(older) && !/\S\s+\S/.test(newer)) {
    const changes = diffChars(older, newer, { timeout: PATIENCE });
    return { unit: 'character', parts: changes ? stretches(changes) : replaced(older, newer) };
  }
  const changes = diffWordsWithSpace(older, newer, { timeout: PATIENCE });
  if (changes === undefined) return { unit: 'sentence', parts: replaced(older, newer) };
  const words = stretches(changes);
  const prose = Math.min(sentenceCount(older), sentenceCount(newer)) >= 3;
  if (!prose || keptShare(words, older, newer) >= KEPT_AT_LEAST) return { unit: 'word', parts: words };
  const sentences = diffSentences(older, newer, { timeout: PATIENCE });
  return { unit: 'sentence', parts: sentences ? stretches(sentences) : replaced(older, newer) };
}
