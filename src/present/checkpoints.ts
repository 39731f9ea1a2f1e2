import { metricCatalogue, type EvaluationEvent } from '../contract/generated';
import { keptCheckpoints } from '../samples/branch';
import type { History } from '../telemetry/history';

/** A checkpoint with what its evaluation said. */
export interface CheckpointRow {
  readonly name: string;
  readonly step: number;
  readonly phase: string;
  readonly bytes: number;
  /** Scores of the student on the rows that every checkpoint is scored on; empty before they are known. */
  readonly metrics: Readonly<Record<string, number | undefined>>;
  /** Of those that led to where the run is now. */
  readonly best: boolean;
}

/**
 * Which checkpoints count: not those that a resumed attempt went back behind. Names of another kind (the start, a run that
 * another program wrote) all do.
 */
function counting(names: readonly string[]): (name: string) => boolean {
  const kept = new Set(keptCheckpoints(names));
  return (name) => !name.startsWith('step-') || kept.has(name);
}

/** The evaluation that compares with those of other checkpoints: on the fixed subset; only else one on all rows. */
function comparable(evaluations: readonly EvaluationEvent[], checkpoint: string): EvaluationEvent | undefined {
  const own = evaluations.filter((one) => one.checkpoint === checkpoint && one.subject === 'student');
  return own.findLast((one) => !one.full) ?? own.at(-1);
}

/** The checkpoints of a run by step, with their scores; the one with the best value of `bestMetric` is marked. */
export function checkpointRows(history: History, bestMetric: string): CheckpointRow[] {
  const rows = history.checkpoints.map((event) => ({
    name: event.name,
    step: event.step,
    phase: event.phase,
    bytes: event.bytes,
    metrics: comparable(history.evaluations, event.name)?.metrics ?? {},
  }));
  const sign = metricCatalogue[bestMetric]?.better === 'lower' ? -1 : 1;
  let best: string | undefined;
  let bestValue = -Infinity;
  const counts = counting(rows.map(({ name }) => name));
  for (const { name, metrics } of rows) {
    if (!counts(name)) continue;
    const value = sign * (metrics[bestMetric] ?? NaN);
    if (value > bestValue) [best, bestValue] = [name, value];
  }
  return rows.map((row) => ({ ...row, best: row.name === best }));
}

/**
 * The metric that tells how good the answers are, besides the divergence: the one that chooses the best checkpoint, else
 * exact match where anything matches exactly, else Rouge-L.
 */
export function scoreMetric(rows: readonly CheckpointRow[], bestMetric: string): string {
  if (bestMetric !== 'eval/kl_reverse') return bestMetric;
  const exact = 'eval/accuracy_greedy';
  return rows.some((row) => (row.metrics[exact] ?? 0) > 0) ? exact : 'eval/rougeL_greedy';
}

/** The divergence that a list shows in one number. */
export interface HeadlineKl {
  /** Per token. */
  readonly nats: number;
  /** Validation rows that it was measured on; undefined for that of training. */
  readonly rows: number | undefined;
}

/** The newest of training while it goes on, then that of the last checkpoint, on all rows where it was scored on them. */
export function headlineKl(history: History, active: boolean): HeadlineKl | undefined {
  const known = [...history.checkpoints.map(({ name }) => name), ...history.evaluations.map(({ checkpoint }) => checkpoint)];
  const counts = counting([...new Set(known)]);
  const students = history.evaluations.filter((one) => one.subject === 'student' && counts(one.checkpoint));
  // At the end the start of distillation is scored once more: what came last is not what is newest.
  const lastStep = Math.max(...students.map(({ step }) => step));
  const last = students.findLast(({ step }) => step === lastStep);
  const score = last?.metrics['eval/kl_reverse'];
  const evaluated = last === undefined || score === undefined ? undefined : { nats: score, rows: last.rows };
  const nats = history.latest('kl/reverse');
  const trained = nats === undefined ? undefined : { nats, rows: undefined };
  return active ? (trained ?? evaluated) : (evaluated ?? trained);
}
