/* The newest students of several runs in one table. */
import type { EvaluationEvent, PhaseEvent } from '../contract/generated';
import { columnsOf, markBest, methodUpTo, newest, type ResultRow, type ResultTable, valuesOf } from './results';
import { keptCheckpoints } from '../samples/branch';

export interface Contender {
  readonly id: string;
  readonly name: string;
  /** What keeps its scores from being compared with those of the first, in a few words each. */
  readonly differs: readonly string[];
  readonly evaluations: readonly EvaluationEvent[];
  readonly phases: readonly PhaseEvent[];
}

/** The last student that led to where the run is now. */
function lastOf(evaluations: readonly EvaluationEvent[], full: boolean): EvaluationEvent | undefined {
  const students = newest(evaluations.filter((event) => event.subject === 'student' && event.full === full));
  const kept = new Set(keptCheckpoints(students.map(({ checkpoint }) => checkpoint)));
  return students.filter(({ checkpoint }) => kept.has(checkpoint)).sort((a, b) => a.step - b.step).at(-1);
}

/**
 * A row for each run, in the order given; null where fewer than two have been scored. Scores at the end count where each run that
 * was scored has them, else those of the newest checkpoints: a few rows and all of them are not set side by side. Best of all is only
 * what was scored on the same.
 */
export function sideBySide(runs: readonly Contender[]): ResultTable | null {
  const ends = runs.map(({ evaluations }) => lastOf(evaluations, true));
  const checkpoints = runs.map(({ evaluations }) => lastOf(evaluations, false));
  const ended = runs.every((_, i) => ends[i] !== undefined || checkpoints[i] === undefined);
  const scored = ended ? ends : checkpoints;
  const events = scored.filter((event) => event !== undefined);
  if (events.length < 2) return null;
  const metrics = columnsOf(events);
  const count = events[0]?.rows ?? 0;
  const rows = runs.map(({ id, name, differs, phases, evaluations }, i): ResultRow => {
    const event = scored[i];
    const method = event && methodUpTo(event.step, phases)?.method;
    const parts = event ? [`step ${event.step}`, method, event.rows === count ? undefined : `${event.rows} rows`] : [evaluations.length > 0 ? 'not scored like the others' : 'not scored yet'];
    return {
      id, step: event?.step ?? 0, label: name, detail: parts.filter((part) => part !== undefined && part !== '').join(', '),
      values: event ? valuesOf(event, metrics) : metrics.map(() => null), best: [], selectable: false, differs,
    };
  });
  const alike = new Set(runs.filter(({ differs }, i) => differs.length === 0 && scored[i]?.rows === count).map(({ id }) => id));
  return { metrics, rows: markBest(metrics, rows, ({ id }) => alike.has(id)), count };
}
