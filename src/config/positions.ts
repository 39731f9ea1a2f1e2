import { findNodeAtLocation, type JSONPath, type Node } from 'jsonc-parser';

/** A place in a text, in characters from its start. */
export interface Span {
  readonly offset: number;
  readonly length: number;
}

/** Line and character, both from 0, as editors count them. */
export interface Position {
  readonly line: number;
  readonly character: number;
}

export interface Range {
  readonly start: Position;
  readonly end: Position;
}

/** Turns offsets of a text into lines: the starts of all lines are found once. */
export class Lines {
  private readonly starts: number[] = [0];

  constructor(private readonly text: string) {
    // As editors do: \r\n, \n and a lone \r all end a line.
    for (const match of text.matchAll(/\r\n|\n|\r/g)) this.starts.push(match.index + match[0].length);
  }

  at(offset: number): Position {
    const bounded = Math.max(0, Math.min(offset, this.text.length));
    let low = 0;
    let high = this.starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if ((this.starts[middle] ?? 0) <= bounded) low = middle;
      else high = middle - 1;
    }
    return { line: low, character: bounded - (this.starts[low] ?? 0) };
  }

  range({ offset, length }: Span): Range {
    return { start: this.at(offset), end: this.at(offset + length) };
  }

  /** The span, cut off at the end of its first line: a problem with a whole object should not paint the whole object. */
  firstLine({ offset, length }: Span): Span {
    const end = /[\r\n]/.exec(this.text.slice(offset, offset + length));
    return { offset, length: end ? end.index : length };
  }
}

/** `/phases/0/steps` → its steps; "~1" stands for "/" and "~0" for "~" (RFC 6901). */
export function parsePointer(pointer: string): string[] {
  if (pointer === '') return [];
  return pointer.replace(/^\//, '').split('/').map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
}

function step(node: Node, part: string): Node | undefined {
  const path: JSONPath = [node.type === 'array' ? Number(part) : part];
  return node.type === 'array' && !/^\d+$/.test(part) ? undefined : findNodeAtLocation(node, path);
}

/**
 * Where a pointer leads in a parsed config. A property is marked with its key. When it leads nowhere (a key that is
 * missing), the nearest thing around it that exists is marked by its key, or by its opening brace.
 */
export function locate(root: Node, pointer: string): Span {
  let node = root;
  for (const part of parsePointer(pointer)) {
    const next = step(node, part);
    if (!next) return keyOf(node);
    node = next;
  }
  const { parent } = node;
  return parent?.type === 'property' ? parent : node.type === 'object' || node.type === 'array' ? keyOf(node) : node;
}

function keyOf(node: Node): Span {
  const { parent } = node;
  const key = parent?.type === 'property' ? parent.children?.[0] : undefined;
  return key ?? { offset: node.offset, length: Math.min(node.length, 1) };
}
