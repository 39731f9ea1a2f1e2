import { findNodeAtLocation, getNodeValue, type Node } from 'jsonc-parser';
import type { Problem } from '../contract/generated';
import { parseConfig } from './parseConfig';
import { parsePointer } from './positions';

/** What every note on models and data depends on, whatever key it names. */
const ALWAYS = ['/teacher', '/student/model', '/student/tokenizer'];

/**
 * The notes that still hold for a config that has been edited since it was looked at: those of which neither the key that they name nor
 * one that would mend them has changed.
 */
export function stillHolding(notes: readonly Problem[], before: string, now: string): readonly Problem[] {
  if (before === now || notes.length === 0) return notes;
  const [was, is] = [parseConfig(before).root, parseConfig(now)];
  if (is.problems.length > 0) return notes; // in the middle of a word
  const same = (pointer: string): boolean => valueAt(was, pointer) === valueAt(is.root, pointer);
  return notes.filter(({ pointer, edits }) => [...ALWAYS, pointer ?? '/teacher', ...edits.map((edit) => edit.pointer)].every(same));
}

/** As text, so that objects compare; undefined where there is nothing. */
function valueAt(root: Node | undefined, pointer: string): string | undefined {
  const path = parsePointer(pointer).map((part) => (/^\d+$/.test(part) ? Number(part) : part));
  const node = root && findNodeAtLocation(root, path);
  return node && JSON.stringify(getNodeValue(node));
}
