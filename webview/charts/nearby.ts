/* What is marked near the cursor, in words: a picture has room for triangles only. */
import type { Marks } from '../../src/protocol/runPanel';

export interface Nearby {
  /** As it is painted. */
  readonly sign: '▼' | '▲' | '┊';
  readonly text: string;
}

/** The steps to which none of the others is nearer: a cursor that halts at `steps` only passes over no mark. */
export function reachOf(steps: readonly number[], step: number): readonly [from: number, to: number] {
  const before = steps.findLast((other) => other < step) ?? -Infinity;
  const after = steps.find((other) => other > step) ?? Infinity;
  return [(before + step) / 2, (step + after) / 2];
}

/** Alerts, the checkpoint and the resumed attempt from one step to another, around `step`. Of several alerts the last has the word. */
export function marksNear({ alerts, checkpoints, resumes }: Marks, step: number, [from, to]: readonly [number, number]): Nearby[] {
  const near = <T extends { readonly step: number }>(marks: readonly T[]): T[] =>
    marks.filter((mark) => mark.step >= from && mark.step <= to);
  const nearest = (marks: readonly { readonly step: number }[]): number | undefined =>
    near(marks).map((mark) => mark.step).sort((a, b) => Math.abs(a - step) - Math.abs(b - step))[0];
  const at = (where: number): string => (where === step ? '' : ` at step ${where.toLocaleString('en')}`);
  const found: Nearby[] = [];
  const said = near(alerts);
  const last = said.at(-1);
  if (last) found.push({ sign: '▼', text: `${said.length === 1 ? last.level : `${said.length} alerts, the last`}${at(last.step)}: ${last.text}` });
  const checkpoint = nearest(checkpoints);
  if (checkpoint !== undefined) found.push({ sign: '▲', text: `checkpoint${at(checkpoint)}` });
  const resume = nearest(resumes);
  if (resume !== undefined) found.push({ sign: '┊', text: `an attempt was resumed${at(resume)}` });
  return found;
}
