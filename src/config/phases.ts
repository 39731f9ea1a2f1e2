import { findNodeAtLocation, type Node } from 'jsonc-parser';
import { parseConfig } from './parseConfig';
import type { Range } from './positions';

/** A phase as it stands in a config's text. */
export interface PhasePlace {
  readonly index: number;
  /** As written; undefined while it is not. */
  readonly method: string | undefined;
  readonly range: Range;
}

export interface ConfigOutline {
  readonly name: string | undefined;
  /** Where the config's name is said, else its first brace: the place for what concerns the run as a whole. */
  readonly head: Range;
  readonly phases: readonly PhasePlace[];
}

const textOf = (node: Node | undefined): string | undefined => (typeof node?.value === 'string' ? node.value : undefined);

/** The places in a config that an editor hangs actions on. Undefined when the text is no JSON object. */
export function outlineConfig(text: string): ConfigOutline | undefined {
  const { root, lines } = parseConfig(text);
  if (root?.type !== 'object') return undefined;
  const name = findNodeAtLocation(root, ['name']);
  const phases = findNodeAtLocation(root, ['phases']);
  return {
    name: textOf(name),
    head: lines.range(name?.parent ?? { offset: root.offset, length: 1 }),
    phases: (phases?.type === 'array' ? (phases.children ?? []) : []).map((node, index) => {
      const method = findNodeAtLocation(node, ['method']);
      return { index, method: textOf(method), range: lines.range(lines.firstLine(node)) };
    }),
  };
}
