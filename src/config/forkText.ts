import { applyEdits, createScanner, findNodeAtLocation, modify } from 'jsonc-parser';
import { parseConfig } from './parseConfig';

export interface ForkText {
  /** Name of the new run. */
  readonly name: string;
  /** Phases that were done where the fork begins: they are left out. */
  readonly phasesDone: number;
  /** What a reader should know, one line each. */
  readonly notes: readonly string[];
}

/** The config of a run as its fork begins with it: everything else, comments too, stays as it was written. */
export function forkText(text: string, { name, phasesDone, notes }: ForkText): string {
  if (parseConfig(text).root?.type !== 'object') return text;
  let out = applyEdits(text, modify(text, ['name'], name, { formattingOptions: { insertSpaces: true, tabSize: 2 } }));
  for (let n = 0; n < phasesDone; n++) out = withoutFirstPhase(out);
  return notes.map((note) => `// ${note.replace(/\s+/g, ' ')}\n`).join('') + out;
}

/** Takes out the first of several phases with its comma; a line that had nothing else goes with it. */
function withoutFirstPhase(text: string): string {
  const { root } = parseConfig(text);
  const phases = root && findNodeAtLocation(root, ['phases']);
  const [first, second] = (phases?.type === 'array' ? phases.children : undefined) ?? [];
  if (!first || !second) return text;
  let end = first.offset + first.length;
  // Between two phases there are comments, blanks and one comma.
  const scanner = createScanner(text, true);
  scanner.setPosition(end);
  scanner.scan();
  if (text.startsWith(',', scanner.getTokenOffset())) end = scanner.getTokenOffset() + 1;
  const before = text.slice(0, first.offset).replace(/[ \t]*$/, '');
  const after = text.slice(end);
  return before.endsWith('\n') ? before + after.replace(/^[ \t]*(?:\r?\n)?/, '') : before + after.trimStart();
}

/** "pronounce-fork" for "pronounce", then "pronounce-fork-2"; `taken` says which names are not free. */
export function nextName(name: string, taken: (name: string) => boolean): string {
  const stem = name.replace(/-fork(?:-\d+)?$/, '');
  for (let n = 1; ; n++) {
    const next = `${stem}-fork${n === 1 ? '' : `-${n}`}`;
    if (!taken(next)) return next;
  }
}
