/* A chart as a table: the same columns, for those who read numbers or hear them. */
import { formatMetric, metricLabel } from '../../src/present/numbers';
import type { Columns } from '../../src/protocol/columns';
import { h, setChildren } from '../parts/dom';
import { align } from './align';

/** Newest first: what one looks for in a growing table is its end. */
export function fillTable(table: HTMLTableElement, caption: string, series: readonly Columns[]): void {
  const [steps, ...rows] = align(series, false).data;
  const perMetric = rows.length / Math.max(1, series.length);
  const body = steps.map((step, i) => h('tr', {}, h('th', { scope: 'row' }, step.toLocaleString('en')), ...series.map((columns, k) => {
    const value = rows[k * perMetric + 2]?.[i];
    return h('td', {}, value === undefined ? '' : value === null ? 'not a number' : formatMetric(columns.metric, value));
  })));
  setChildren(table, [
    h('caption', { class: 'visually-hidden' }, caption),
    h('thead', {}, h('tr', {}, h('th', { scope: 'col' }, 'step'), ...series.map(({ metric }) => h('th', { scope: 'col' }, metricLabel(metric))))),
    h('tbody', {}, ...body.reverse()),
  ]);
}
