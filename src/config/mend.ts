import { modify } from 'jsonc-parser';
import { parseConfig } from './parseConfig';
import type { Span } from './positions';

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
