import { applyEdits, modify } from 'jsonc-parser';
import type { ConfigEdit } from '../contract/generated';
import { parseConfig } from './parseConfig';
import { parsePointer, type Span } from './positions';

/** A change to a config's text that would mend a problem. */
export interface Mend {
  readonly title: string;
  readonly edits: readonly { readonly span: Span; readonly text: string }[];
}

const quoted = (text: string): string => JSON.stringify(text);

/** What mends a problem, as far as its own sentence says it. `marked` is the text that the problem was drawn under. */
export function mendsOf(text: string, marked: Span, sentence: string): Mend[] {
  return [...keyMends(text, marked, sentence), ...valueMends(text, marked, sentence), ...tokenizerMends(text, sentence)];
}

/** The mend that a problem brings with it: all its values set at once. */
export function mendByEdits(text: string, edits: readonly ConfigEdit[]): Mend | undefined {
  if (edits.length === 0 || parseConfig(text).root?.type !== 'object') return undefined;
  const options = { formattingOptions: { insertSpaces: true, tabSize: 2, eol: text.includes('\r\n') ? '\r\n' : '\n' } };
  const now = edits.reduce((sofar, { pointer, value }) => applyEdits(sofar, modify(sofar, pathOf(pointer), value, options)), text);
  const settings = edits.map(({ pointer, value }) => `${nameOf(pointer)} to ${typeof value === 'object' ? JSON.stringify(value) : String(value)}`);
  return { title: `Set ${settings.join(', ')}`, edits: [difference(text, now)] };
}

const pathOf = (pointer: string): (string | number)[] => parsePointer(pointer).map((part) => (/^\d+$/.test(part) ? Number(part) : part));

/** "/phases/0/steps" → "phases[0].steps". */
const nameOf = (pointer: string): string =>
  pathOf(pointer).map((part) => (typeof part === 'number' ? `[${part}]` : `.${part}`)).join('').replace(/^\./, '');

/** The one edit that turns a text into another: what both begin and end with stays. */
function difference(from: string, to: string): Mend['edits'][number] {
  let start = 0;
  while (start < from.length && from[start] === to[start]) start++;
  let end = 0;
  while (end < Math.min(from.length, to.length) - start && from[from.length - 1 - end] === to[to.length - 1 - end]) end++;
  return { span: { offset: start, length: from.length - start - end }, text: to.slice(start, to.length - end) };
}

function keyMends(text: string, marked: Span, sentence: string): Mend[] {
  const [, wrong, right] = /^"([^"]+)" is no key of .*did you mean "([^"]+)"\?$/.exec(sentence) ?? [];
  if (wrong === undefined || right === undefined || !text.startsWith(quoted(wrong), marked.offset)) return [];
  return [{ title: `Change to "${right}"`, edits: [{ span: { offset: marked.offset, length: quoted(wrong).length }, text: quoted(right) }] }];
}

function valueMends(text: string, marked: Span, sentence: string): Mend[] {
  const [, wrong, list] = / is the text "([^"]*)"; it must be (.+)\.$/.exec(sentence) ?? [];
  if (wrong === undefined || list === undefined) return [];
  const offset = text.slice(marked.offset, marked.offset + marked.length).lastIndexOf(quoted(wrong));
  const nearest = [...list.matchAll(/"([^"]+)"/g)]
    .map((match) => match[1] ?? '')
    .map((word) => ({ word, apart: distance(wrong.toLowerCase(), word.toLowerCase()) }))
    .sort((a, b) => a.apart - b.apart)[0];
  // What has little in common with any of them is no slip of the keyboard.
  if (offset === -1 || nearest === undefined || nearest.apart > Math.max(1, nearest.word.length / 3)) return [];
  const span = { offset: marked.offset + offset, length: quoted(wrong).length };
  return [{ title: `Change to "${nearest.word}"`, edits: [{ span, text: quoted(nearest.word) }] }];
}

function tokenizerMends(text: string, sentence: string): Mend[] {
  if (!sentence.includes('set "tokenizer": "teacher"') || parseConfig(text).root?.type !== 'object') return [];
  const edits = modify(text, ['student', 'tokenizer'], 'teacher', { formattingOptions: { insertSpaces: true, tabSize: 2 } });
  return [{
    title: 'Use the teacher\'s tokenizer',
    edits: edits.map(({ offset, length, content }) => ({ span: { offset, length }, text: content })),
  }];
}

/** Letters to put in, take out or change until one word is the other. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const changed = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, changed));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
