/* What a metric reads at a step, or now: its value, and when that is from. */
import { type Columns, isScore } from '../../src/protocol/columns';
import type { Marks } from '../../src/protocol/runPanel';
import { columnAt } from './align';
import type { Course } from './lines';

export interface Reading {
  readonly value: number;
  /** Of a score: the step of its checkpoint. */
  readonly at?: number;
  /** Of what a phase measured that is over: its last step. */
  readonly until?: number;
}

const phaseAt = (phases: Marks['phases'], step: number): number => phases.findLast(({ step: first }) => first <= step)?.index ?? -1;

/** What a reading depends on besides what was measured. */
export type When = Pick<Course, 'phases' | 'end'>;

/** Undefined before a metric was measured, from the phase on that does not measure it, and after the run's end. */
export function readAt(columns: Columns, step: number, { phases, end }: When): Reading | undefined {
  const { metric, steps, mean, spans } = columns;
  const index = columnAt(steps, step);
  const from = steps[index];
  if (isScore(metric)) return from === undefined ? undefined : { value: mean[index] ?? NaN, at: from };
  if (step > end) return undefined;
  const span = spans.findLast(({ from }) => from <= step);
  if (span === undefined || span.phase < phaseAt(phases, step)) return undefined;
  // The first column of a phase stands for steps before its own, too.
  const value = mean[from === undefined || from < span.from ? index + 1 : index];
  return value === undefined ? undefined : { value };
}

/** The newest value. */
export function readNow({ metric, last, spans }: Columns, { phases }: When): Reading {
  const span = spans.at(-1);
  if (span === undefined) return { value: last };
  if (isScore(metric)) return { value: last, at: span.to };
  return span.phase < (phases.at(-1)?.index ?? 0) ? { value: last, until: span.to } : { value: last };
}
