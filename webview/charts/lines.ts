/* The lines of a chart: each metric of the run that the page is about, and of every run that is laid over it. */
import { metricLabel } from '../../src/present/numbers';
import { type Columns, isScore, lineKey } from '../../src/protocol/columns';
import type { Marks, Overlay } from '../../src/protocol/runPanel';
import { DASHES, SERIES_COLORS } from '../parts/theme';

/** A run as charts see it. */
export interface Course {
  /** Undefined for the run that the page is about. */
  readonly id: string | undefined;
  readonly name: string;
  readonly phases: Marks['phases'];
  /** Its last step. */
  readonly end: number;
}

/** How a line looks and what it is of. */
export interface Line {
  readonly key: string;
  readonly metric: string;
  /** Place of its run among all in the chart; the page's own is the first. */
  readonly run: number;
  readonly color: number;
  readonly dash: number;
}

/** A metric as one of the runs measured it. */
export interface Measured {
  readonly columns: Columns;
  readonly course: Course;
  /** The metric; among several runs also the run. */
  readonly label: string;
}

/** Below this many columns each is a dot as well: a line hides where it was measured, and a single point is no line. */
const FEW = 24;

/** A line's own columns count, not those of the others in its chart: a run that has just begun is a point beside a long one. */
export function isDotted(columns: Columns | undefined): boolean {
  return columns !== undefined && (isScore(columns.metric) || columns.steps.length < FEW);
}

/** The page's own run, and those that are laid over it. */
export function coursesOf(own: Pick<Overlay, 'name' | 'phases' | 'range'>, overlays: readonly Overlay[]): Course[] {
  return [{ ...own, id: undefined }, ...overlays].map(({ id, name, phases, range }) => ({ id, name, phases, end: range?.[1] ?? Infinity }));
}

/** How a run looks among several where there is one line of it. */
export function runLook(run: number): Pick<Line, 'color' | 'dash'> {
  return { color: run % SERIES_COLORS.length, dash: run % DASHES.length };
}

/**
 * Colours tell metrics apart, and dashes again, for whoever sees no colours. Among several runs colours tell runs, the same in every
 * chart; dashes then tell metrics, or runs once more where there is one metric. What stands last is drawn on top: the page's own run.
 */
export function linesOf(metrics: readonly string[], courses: readonly Course[]): Line[] {
  const several = courses.length > 1;
  const lines = courses.map(({ id }, run) => metrics.map((metric, index): Line => ({
    key: lineKey(metric, id), metric, run,
    color: several ? runLook(run).color : index % SERIES_COLORS.length,
    dash: several && metrics.length === 1 ? runLook(run).dash : index % DASHES.length,
  })));
  return lines.reverse().flat();
}

export function measured({ metric, run }: Line, columns: Columns, courses: readonly Course[]): Measured {
  const course = courses[run] ?? { id: undefined, name: '', phases: [], end: Infinity };
  return { columns, course, label: courses.length > 1 ? `${metricLabel(metric)}, ${course.name}` : metricLabel(metric) };
}
