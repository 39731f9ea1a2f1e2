import { type ChangeObject, diffArrays, diffChars, diffSentences, diffWordsWithSpace } from 'diff';

/** A stretch of text that two responses share, or that only one of them has. */
export interface Stretch {
  readonly kind: 'same' | 'added' | 'removed';
  readonly text: string;
}

export type DiffUnit = 'word' | 'sentence' | 'token' | 'character';

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

const hasWords = (text: string): boolean => /\S\s+\S/.test(text);

/** Of code the signs matter as much as the words, and words with their signs make one lump. */
function isCode(text: string): boolean {
  const signs = text.match(/[{}()[\];=<>&|]/g)?.length ?? 0;
  return signs >= 4 && signs >= 0.08 * text.replace(/\s/g, '').length;
}

/** Whether words are no unit for these two: tokens are, where somebody has them. */
export function wantsTokens(older: string, newer: string): boolean {
  if (older === newer || older.length + newer.length > LONGEST) return false;
  return (!hasWords(older) && !hasWords(newer)) || isCode(older) || isCode(newer);
}

/** The pieces of two texts, one per token. */
export interface Pieces {
  readonly older: readonly string[];
  readonly newer: readonly string[];
}

function diffTokens({ older, newer }: Pieces): Stretch[] | undefined {
  return diffArrays([...older], [...newer], { timeout: PATIENCE })
    ?.map(({ added, removed, value }) => ({ kind: added ? 'added' : removed ? 'removed' : 'same', text: value.join('') } as const))
    .filter(({ text }) => text !== '');
}

const sentenceCount = (text: string): number => text.split(/[.!?。！？]+\s|[。！？]/).length;

/**
 * Compares two responses in the unit that reads best: words; where words are no unit (a single one, a script without
 * spaces, code) tokens, if they are given, else characters; whole sentences where most words of some prose changed.
 */
export function diffText(older: string, newer: string, pieces?: Pieces): TextDiff {
  if (older === newer) return { unit: 'word', parts: older === '' ? [] : [{ kind: 'same', text: older }] };
  if (older.length + newer.length > LONGEST) return { unit: 'sentence', parts: replaced(older, newer) };
  const tokens = pieces && wantsTokens(older, newer) ? diffTokens(pieces) : undefined;
  if (tokens) return { unit: 'token', parts: tokens };
  if (!hasWords(older) && !hasWords(newer)) {
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
