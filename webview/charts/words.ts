/* Charts in words: what a screen reader says, what stands below the lines. */
import { metricCatalogue } from '../../src/contract/generated';
import { formatMetric } from '../../src/present/numbers';
import { type Columns, isScore } from '../../src/protocol/columns';
import type { Measured } from './lines';
import { readAt, readNow, type Reading } from './reading';

const count = (n: number, one: string, many = `${one}s`): string => `${n.toLocaleString('en')} ${n === 1 ? one : many}`;

/** Where the line goes, judged by the means of its first and last fifth against its own range. */
function trendOf(values: ArrayLike<number>): string {
  const finite = Array.from(values).filter(Number.isFinite);
  if (finite.length < 5) return '';
  const fifth = Math.max(1, Math.floor(finite.length / 5));
  const mean = (part: number[]): number => part.reduce((sum, value) => sum + value, 0) / part.length;
  const change = mean(finite.slice(-fifth)) - mean(finite.slice(0, fifth));
  const top = finite.reduce((a, b) => Math.max(a, b), -Infinity);
  const range = top - finite.reduce((a, b) => Math.min(a, b), Infinity);
  if (range === 0 || Math.abs(change) < 0.1 * range) return ', level';
  return change > 0 ? ', rising' : ', falling';
}

/** When a value is from; empty where that goes without saying. */
export function whenOf({ at, until }: Reading): string {
  if (until !== undefined) return `until ${until.toLocaleString('en')}`;
  return at === undefined ? '' : `at ${at.toLocaleString('en')}`;
}

const withWhen = (value: string, when: string): string => (when === '' ? value : `${value} (${when})`);

function describeMetric({ columns, course, label }: Measured): string {
  const { metric, steps, low, high, smooth, points, last, bad, discarded } = columns;
  let lowest = -1;
  let highest = -1;
  let notFinite = 0;
  for (let i = 0; i < steps.length; i++) {
    if (Number.isFinite(low[i]) && (lowest < 0 || (low[i] ?? 0) < (low[lowest] ?? 0))) lowest = i;
    if (Number.isFinite(high[i]) && (highest < 0 || (high[i] ?? 0) > (high[highest] ?? 0))) highest = i;
    notFinite += bad[i] ?? 0;
  }
  const parts = [`${label}: ${count(points, 'point')}, ${withWhen(`last ${formatMetric(metric, last)}`, whenOf(readNow(columns, course)))}`];
  if (lowest >= 0) parts.push(`lowest ${formatMetric(metric, low[lowest] ?? NaN)} near step ${steps[lowest]}, highest ${formatMetric(metric, high[highest] ?? NaN)} near step ${steps[highest]}`);
  if (notFinite > 0) parts.push(`${count(notFinite, 'value')} not a number`);
  if (discarded.points > 0) parts.push(`${count(discarded.points, 'point')} of a discarded attempt`);
  return `${parts.join('; ')}${trendOf(smooth)}.`;
}

/** A chart for the ear: for each line its last, lowest and highest value and where it goes. */
export function describeChart(shown: readonly Measured[]): string {
  const series = shown.map(({ columns }) => columns);
  const first = Math.min(...series.map(({ steps }) => steps[0] ?? Infinity));
  const last = Math.max(...series.map(({ steps }) => steps[steps.length - 1] ?? -Infinity));
  if (!Number.isFinite(first)) return 'No points yet.';
  return [`Steps ${first} to ${last}.`, ...shown.map(describeMetric)].join(' ');
}

/** What the arrow keys say at a step. */
export function describeStep(shown: readonly Measured[], step: number): string {
  const values = shown.flatMap(({ columns, course, label }) => {
    const reading = readAt(columns, step, course);
    if (reading === undefined) return [];
    const value = `${label} ${formatMetric(columns.metric, reading.value)}`;
    return [withWhen(value, reading.at === step ? '' : whenOf(reading))];
  });
  return `Step ${step}: ${values.join(', ') || 'nothing yet'}.`;
}

export function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}${text.endsWith('.') ? '' : '.'}`;
}

/** What stands below the lines while there is a cursor. */
export function cursorNotes(shown: readonly Measured[], step: number): string[] {
  const notes = [`step ${step.toLocaleString('en')}`];
  const taken = shown.map(({ columns, course }) => readAt(columns, step, course)?.at ?? step).filter((at) => at !== step);
  if (taken.length > 0 && shown.every(({ columns }) => isScore(columns.metric))) notes.push(`scores of step ${Math.max(...taken).toLocaleString('en')}`);
  return notes;
}

/** What a reader must know about the picture: how much it leaves out, and what it cannot show. */
export function chartNotes(series: readonly Columns[], log: boolean): string[] {
  const notes: string[] = [];
  const most = Math.max(1, ...series.map(({ aggregated }) => aggregated));
  if (most > 1) notes.push(`aggregated 1:${most}; zoom for raw`);
  const all = (field: 'bad' | 'notPositive'): number => series.reduce((sum, columns) => sum + Array.from(columns[field]).reduce((a, b) => a + b, 0), 0);
  const notFinite = all('bad');
  const notPositive = log ? all('notPositive') : 0;
  if (notFinite > 0) notes.push(`${count(notFinite, 'value')} not a number (×)`);
  if (notPositive > 0) notes.push(`${count(notPositive, 'value')} ≤ 0 not on a logarithmic axis`);
  return notes;
}

/** How much there is of discarded attempts; undefined where there is nothing. */
export function branchNote(series: readonly Columns[], drawn: boolean): string | undefined {
  const points = series.reduce((sum, { discarded }) => sum + discarded.points, 0);
  return points === 0 ? undefined : `${count(points, 'point')} of a discarded attempt (${drawn ? 'dotted' : 'hidden'})`;
}

/** Over how many steps smoothed lines average: "about 40 steps", by the one that is thinned most; empty where nothing is smoothed. */
export function smoothedOver(series: readonly Columns[], strength: number): string {
  const lines = series.filter(({ metric, steps }) => !isScore(metric) && steps.length > 1);
  const most = Math.max(...lines.map(({ aggregated }) => aggregated));
  const apart = lines.filter(({ aggregated }) => aggregated === most)
    .map(({ steps }) => ((steps[steps.length - 1] ?? 0) - (steps[0] ?? 0)) / (steps.length - 1));
  if (strength === 0 || apart.length === 0) return '';
  const over = Math.min(...apart) / (1 - strength);
  return `about ${count(Number(over.toPrecision(over < 10 ? 1 : 2)), 'step')}`;
}

/** Text at an axis tick: as many digits as its neighbours differ in. */
export function tickText(metric: string, value: number, increment: number): string {
  const unit = metricCatalogue[metric]?.unit;
  if (unit === 'bytes') return formatMetric(metric, value);
  const percent = unit === '%';
  const shown = percent ? 100 * value : value;
  const gap = percent ? 100 * increment : increment;
  const size = Math.abs(shown);
  if (size > 0 && (size >= 1e5 || gap < 1e-4)) return shown.toExponential(gap < size / 10 ? 1 : 0).replace(/-/g, '−').replace('e+', 'e');
  let digits = 0;
  while (digits < 6 && Math.abs(gap * 10 ** digits - Math.round(gap * 10 ** digits)) > 1e-6) digits++;
  return `${shown.toFixed(digits).replace('-', '−')}${percent ? ' %' : ''}`;
}
