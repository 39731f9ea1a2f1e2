/* Scores at checkpoints and at the end, as a table shows them. */
import { metricCatalogue, type EvaluationEvent, type PhaseEvent } from '../contract/generated';
import { checkpointLabel } from '../present/labels';
import { formatNumber, formatShare, metricLabel } from '../present/numbers';
import { discardedCheckpoints } from '../samples/branch';

export interface ResultRow {
  /** The checkpoint's name, `teacher` or `control`. */
  readonly id: string;
  readonly step: number;
  /** In words: "start, after sft", "final student", "sharpening control". */
  readonly label: string;
  readonly detail: string;
  /** A value per column; null where there is none. */
  readonly values: readonly (number | null)[];
  /** Columns in which this row is the best of the student's. */
  readonly best: readonly number[];
  /** A resumed attempt went back behind it: what is best and newest is found among the others. */
  readonly discarded?: boolean;
  /** What keeps it from being compared with the first row, in a few words each. */
  readonly differs?: readonly string[];
  /** It has samples, which can be compared with another's. */
  readonly selectable: boolean;
}

export interface ResultTable {
  readonly metrics: readonly string[];
  readonly rows: readonly ResultRow[];
  /** Validation rows behind each value. */
  readonly count: number;
}

/** A figure for the head of the panel: how it stands, and where the last phase took it up. */
export interface Headline {
  readonly metric: string;
  readonly value: number;
  readonly from: { readonly value: number; readonly step: number } | null;
  /** Validation rows behind both. */
  readonly rows: number;
}

export interface Results {
  readonly headlines: readonly Headline[];
  readonly checkpoints: ResultTable;
  readonly final: ResultTable;
  /** What the final table says about the gain, with the sharpening control set against it. */
  readonly verdict: string | null;
}

/** Order of columns: what decides first. Metrics not named here follow as they come. */
const ORDER = [
  'eval/kl_reverse', 'eval/accuracy_sampled', 'eval/accuracy_greedy', 'eval/error_rate_sampled', 'eval/error_rate_greedy',
  'eval/rougeL_sampled', 'eval/rougeL_greedy', 'eval/entropy', 'eval/nll_gold', 'eval/length', 'eval/truncated',
];

const rank = (metric: string): number => (ORDER.indexOf(metric) + 1) || ORDER.length + 1;

export function columnsOf(evaluations: readonly EvaluationEvent[]): string[] {
  const metrics = new Set(evaluations.flatMap(({ metrics }) => Object.keys(metrics)));
  return [...metrics].filter((metric) => !metric.startsWith('time/')).sort((a, b) => rank(a) - rank(b));
}

/** Marks the best finite value of each column, where better means something and there is a choice. */
export function markBest(metrics: readonly string[], rows: readonly ResultRow[], contenders: (row: ResultRow) => boolean): ResultRow[] {
  const winners = metrics.map((metric, column) => {
    const better = metricCatalogue[metric]?.better;
    if (better !== 'lower' && better !== 'higher') return undefined;
    const values = rows.filter(contenders).map((row) => row.values[column] ?? NaN).filter(Number.isFinite);
    if (values.length < 2) return undefined;
    const best = better === 'lower' ? Math.min(...values) : Math.max(...values);
    // Where several are equally good, none stands out.
    return values.filter((value) => value === best).length === 1 ? best : undefined;
  });
  return rows.map((row) => ({
    ...row,
    best: winners.flatMap((winner, column) => (contenders(row) && winner !== undefined && row.values[column] === winner ? [column] : [])),
  }));
}

export function valuesOf(event: EvaluationEvent, metrics: readonly string[]): (number | null)[] {
  return metrics.map((metric) => event.metrics[metric] ?? null);
}

/** Later events replace earlier ones of the same checkpoint: an attempt may score it again. */
export function newest(evaluations: readonly EvaluationEvent[]): EvaluationEvent[] {
  const found = new Map<string, EvaluationEvent>();
  for (const event of evaluations) found.set(event.subject === 'student' ? event.checkpoint : event.subject, event);
  return [...found.values()];
}

/** What trained up to a step; undefined before the first. */
export function methodUpTo(step: number, phases: readonly PhaseEvent[]): PhaseEvent | undefined {
  return phases.filter(({ firstStep }) => firstStep <= step).at(-1);
}

/** What results are made of. */
interface Scored {
  readonly evaluations: readonly EvaluationEvent[];
  readonly sampled: ReadonlySet<string>;
  readonly phases: readonly PhaseEvent[];
}

function checkpointTable({ evaluations, sampled, phases }: Scored): ResultTable {
  const subset = newest(evaluations.filter(({ full }) => !full));
  const metrics = columnsOf(subset);
  const students = subset.filter(({ subject }) => subject === 'student').sort((a, b) => a.step - b.step || a.checkpoint.localeCompare(b.checkpoint));
  const teacher = subset.find(({ subject }) => subject === 'teacher');
  const gone = new Set(discardedCheckpoints(students.map(({ checkpoint }) => checkpoint)));
  const rows: ResultRow[] = students.map((event) => {
    const method = methodUpTo(event.step, phases)?.method ?? '';
    const discarded = gone.has(event.checkpoint);
    return {
      id: event.checkpoint, step: event.step, label: checkpointLabel(event.checkpoint), detail: discarded ? `${method}, discarded` : method,
      values: valuesOf(event, metrics), best: [], selectable: sampled.has(event.checkpoint), ...(discarded ? { discarded } : {}),
    };
  });
  const marked = markBest(metrics, rows, ({ discarded }) => discarded !== true);
  if (teacher) marked.push({ id: 'teacher', step: 0, label: 'teacher', detail: '', values: valuesOf(teacher, metrics), best: [], selectable: false });
  return { metrics, rows: marked, count: students.at(-1)?.rows ?? teacher?.rows ?? 0 };
}

function finalTable({ evaluations, sampled, phases }: Scored): { table: ResultTable; verdict: string | null } {
  const full = newest(evaluations.filter((event) => event.full));
  const metrics = columnsOf(full);
  const students = full.filter(({ subject }) => subject === 'student').sort((a, b) => a.step - b.step);
  const control = full.find(({ subject }) => subject === 'control');
  const teacher = full.find(({ subject }) => subject === 'teacher');
  const start = students.length > 1 ? students[0] : undefined;
  const end = students.at(-1);
  const row = (event: EvaluationEvent, id: string, label: string, detail: string): ResultRow => (
    { id, step: event.step, label, detail, values: valuesOf(event, metrics), best: [], selectable: event.subject === 'student' && sampled.has(event.checkpoint) });
  const rows: ResultRow[] = students.map((event) => {
    const method = methodUpTo(event.step, phases)?.method;
    const label = event === start ? 'start' : event === end ? 'final student' : `step ${event.step}`;
    return row(event, event.checkpoint, label, event === start && method !== undefined ? `step ${event.step}, after ${method}` : `step ${event.step}`);
  });
  if (control) rows.splice(start ? 1 : rows.length, 0, row(control, 'control', 'sharpening control', `the start at temperature ${formatNumber(control.temperature)}`));
  if (teacher) rows.push(row(teacher, 'teacher', 'teacher', ''));
  const table = { metrics, rows: markBest(metrics, rows, ({ id }) => id !== 'teacher'), count: end?.rows ?? teacher?.rows ?? 0 };
  return { table, verdict: start && end ? verdictOf(start, end, control) : null };
}

/** Points of a share, signed: "+13.2 points". */
const points = (difference: number): string => `${difference < 0 ? '−' : '+'}${Math.abs(100 * difference).toFixed(1)} points`;

/** One honest sentence: what was gained, and how much of it a lower temperature alone would have given. */
function verdictOf(start: EvaluationEvent, end: EvaluationEvent, control: EvaluationEvent | undefined): string | null {
  const told = (name: string): boolean => [start, end].every(({ metrics }) => Number.isFinite(metrics[name]));
  const matches = [start, end].some(({ metrics }) => (metrics['eval/accuracy_sampled'] ?? 0) > 0);
  const metric = ['eval/accuracy_sampled', 'eval/rougeL_sampled'].find((name) => told(name) && (matches || name !== 'eval/accuracy_sampled'));
  if (metric === undefined) return null;
  const from = start.metrics[metric] ?? NaN;
  const to = end.metrics[metric] ?? NaN;
  const gain = to - from;
  const gained = `${capital(metricLabel(metric))}: ${formatShare(from)} at the start, ${formatShare(to)} at the end (${points(gain)}).`;
  const sharpened = control?.metrics[metric];
  if (control === undefined || sharpened === undefined || !Number.isFinite(sharpened)) {
    return `${gained} No sharpening control was scored, so part of this may be lower entropy alone.`;
  }
  const byTemperature = `The start, only sampled at temperature ${formatNumber(control.temperature)} to give the final student's entropy, reaches ${formatShare(sharpened)}`;
  const rest = to - sharpened;
  if (gain <= 0) return `${gained} ${byTemperature}.`;
  if (rest <= 0) return `${gained} ${byTemperature}: all of this gain is sharpening.`;
  if (sharpened <= from) return `${gained} ${byTemperature}: none of this gain is mere sharpening.`;
  return `${gained} ${byTemperature}: ${(100 * (sharpened - from)).toFixed(1)} points of the gain are sharpening, ${(100 * rest).toFixed(1)} are more than that.`;
}

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

/** What the head tells of: the last student once it was scored on all rows, as the list of runs does; until then the newest checkpoint. */
function headTable(checkpoints: ResultTable, final: ResultTable): ResultTable {
  const newest = checkpoints.rows.findLast(({ id, discarded }) => id !== 'teacher' && discarded !== true);
  return final.rows.some(({ label, step }) => label === 'final student' && step >= (newest?.step ?? 0)) ? final : checkpoints;
}

/** The divergence, and how good answers are: exact ones where any is exact, else by their overlap. */
function headlinesOf({ metrics, rows, count }: ResultTable, phases: readonly PhaseEvent[]): Headline[] {
  const students = rows.filter(({ id, discarded }) => id !== 'teacher' && id !== 'control' && discarded !== true);
  const newest = students.at(-1);
  if (!newest) return [];
  const lastPhase = phases.length > 1 ? phases.at(-1) : undefined;
  const start = students.findLast(({ step }) => step < (lastPhase?.firstStep ?? 0)) ?? students[0];
  const valueOf = (row: ResultRow | undefined, metric: string): number | null => row?.values[metrics.indexOf(metric)] ?? null;
  const exact = students.some((row) => (valueOf(row, 'eval/accuracy_sampled') ?? 0) > 0);
  const wanted = ['eval/kl_reverse', ...(exact ? ['eval/accuracy_sampled', 'eval/accuracy_greedy'] : ['eval/rougeL_sampled', 'eval/rougeL_greedy'])];
  return wanted.flatMap((metric): Headline[] => {
    const value = valueOf(newest, metric);
    const from = valueOf(start, metric);
    if (value === null) return [];
    const since = start === undefined || start === newest || from === null ? null : { value: from, step: start.step };
    return [{ metric, value, from: since, rows: count }];
  });
}

/** `sampled` names the checkpoints whose samples can be compared. */
export function buildResults(
  evaluations: readonly EvaluationEvent[], sampled: ReadonlySet<string>, phases: readonly PhaseEvent[],
): Results {
  const scored: Scored = { evaluations, sampled, phases };
  const { table, verdict } = finalTable(scored);
  const checkpoints = checkpointTable(scored);
  return { headlines: headlinesOf(headTable(checkpoints, table), phases), checkpoints, final: table, verdict };
}
