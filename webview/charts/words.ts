/* Charts in words: what a screen reader says, what stands below the lines. */
import { metricCatalogue } from '../../src/contract/generated';
import { formatMetric, metricLabel } from '../../src/present/numbers';
import type { Columns } from '../../src/protocol/columns';
import { columnAt } from './align';

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

function describeMetric({ metric, steps, low, high, smooth, points, last, bad, discarded }: Columns): string {
  let lowest = -1;
  let highest = -1;
  let notFinite = 0;
  for (let i = 0; i < steps.length; i++) {
    if (Number.isFinite(low[i]) && (lowest < 0 || (low[i] ?? 0) < (low[lowest] ?? 0))) lowest = i;
    if (Number.isFinite(high[i]) && (highest < 0 || (high[i] ?? 0) > (high[highest] ?? 0))) highest = i;
    notFinite += bad[i] ?? 0;
  }
  const parts = [`${metricLabel(metric)}: ${count(points, 'point')}, last ${formatMetric(metric, last)}`];
  if (lowest >= 0) parts.push(`lowest ${formatMetric(metric, low[lowest] ?? NaN)} near step ${steps[lowest]}, highest ${formatMetric(metric, high[highest] ?? NaN)} near step ${steps[highest]}`);
  if (notFinite > 0) parts.push(`${count(notFinite, 'value')} not a number`);
  if (discarded.points > 0) parts.push(`${count(discarded.points, 'point')} of a discarded attempt`);
  return `${parts.join('; ')}${trendOf(smooth)}.`;
}

/** A chart for the ear: for each metric its last, lowest and highest value and where it goes. */
export function describeChart(series: readonly Columns[]): string {
  const first = Math.min(...series.map(({ steps }) => steps[0] ?? Infinity));
  const last = Math.max(...series.map(({ steps }) => steps[steps.length - 1] ?? -Infinity));
  if (!Number.isFinite(first)) return 'No points yet.';
  return [`Steps ${first} to ${last}.`, ...series.map(describeMetric)].join(' ');
}

export function valueAt(columns: Columns, step: number): number | undefined {
  const index = columnAt(columns.steps, step);
  return index < 0 ? undefined : columns.mean[index];
}

/** What the arrow keys say at a step. */
export function describeStep(series: readonly Columns[], step: number): string {
  const values = series.flatMap((columns) => {
    const value = valueAt(columns, step);
    return value === undefined ? [] : [`${metricLabel(columns.metric)} ${formatMetric(columns.metric, value)}`];
  });
  return `Step ${step}: ${values.join(', ') || 'nothing yet'}.`;
}

/** What a reader must know about the picture: how much it leaves out, and what it cannot show. */
export function chartNotes(series: readonly Columns[], notPositive: number): string[] {
  const notes: string[] = [];
  const most = Math.max(1, ...series.map(({ aggregated }) => aggregated));
  if (most > 1) notes.push(`aggregated 1:${most}; zoom for raw`);
  const notFinite = series.reduce((sum, { bad }) => sum + Array.from(bad).reduce((a, b) => a + b, 0), 0);
  if (notFinite > 0) notes.push(`${count(notFinite, 'value')} not a number (×)`);
  if (notPositive > 0) notes.push(`${count(notPositive, 'value')} ≤ 0 not on a logarithmic axis`);
  const discarded = series.reduce((sum, columns) => sum + columns.discarded.points, 0);
  if (discarded > 0) notes.push(`${count(discarded, 'point')} of a discarded attempt (dotted)`);
  return notes;
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
