/* One prompt over all checkpoints. */
import type { Sample } from '../contract/generated';
import { keptCheckpoints } from './branch';

export interface Moment {
  readonly checkpoint: string;
  readonly step: number;
  readonly sample: Sample;
}

export interface Travel {
  readonly promptId: string;
  readonly draw: number;
  readonly prompt: string;
  readonly references: readonly string[];
  /** By step. */
  readonly moments: readonly Moment[];
  /** Place of the first moment whose text is not that of the first one. */
  readonly firstChanged: number | undefined;
  /** Place of the first moment that equals a reference. */
  readonly firstRight: number | undefined;
  /** Place of the moment since which the text is what it is at the end; undefined when it changed last of all, or never. */
  readonly settled: number | undefined;
  /** Checkpoints that a resumed attempt went back behind: they are no part of what became of the student. */
  readonly discarded: number;
}

const isRight = ({ score, text, references }: Sample): boolean => score['exact'] === 1 || references.some((reference) => reference.trim() === text.trim());

/** Follows one draw of a prompt through the samples of checkpoints, which come by name. Undefined when none of them has it. */
export function travelOf(sides: ReadonlyMap<string, readonly Sample[]>, promptId: string, draw: number): Travel | undefined {
  const names = [...sides.keys()].filter((name) => name.startsWith('step-'));
  const kept = keptCheckpoints(names);
  const found = kept.flatMap((checkpoint): Moment[] => {
    const sample = sides.get(checkpoint)?.find((one) => one.promptId === promptId && one.draw === draw);
    return sample ? [{ checkpoint, step: sample.step, sample }] : [];
  });
  const last = found.at(-1);
  if (!last) return undefined;
  // A row that was edited on the way is another prompt.
  const moments = found.filter(({ sample }) => sample.prompt === last.sample.prompt);
  const place = (wanted: (moment: Moment) => boolean): number | undefined => {
    const at = moments.findIndex(wanted);
    return at < 0 ? undefined : at;
  };
  const first = moments[0]?.sample.text;
  const other = moments.findLastIndex(({ sample }) => sample.text !== last.sample.text);
  return {
    promptId,
    draw,
    prompt: last.sample.prompt,
    references: last.sample.references,
    moments,
    firstChanged: place(({ sample }) => sample.text !== first),
    firstRight: place(({ sample }) => isRight(sample)),
    settled: other < 0 || other + 2 > moments.length - 1 ? undefined : other + 1,
    discarded: names.length - kept.length,
  };
}
