/* What changed between two texts, in the newer one. All of it is text nodes. */
import { diffText, type Pieces } from '../../src/samples/diff';
import { h } from './dom';

/** The newer text, with what it replaced before each change; by tokens, where both are given and words are no unit. */
export function marked(older: string, newer: string, pieces?: Pieces): Node[] {
  return diffText(older, newer, pieces).parts.map(({ kind, text }) =>
    kind === 'same' ? document.createTextNode(text) : h(kind === 'added' ? 'ins' : 'del', {}, text));
}
