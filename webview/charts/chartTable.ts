/* A chart as a table: the same columns, for those who read numbers or hear them. */
import { formatMetric } from '../../src/present/numbers';
import type { Columns } from '../../src/protocol/columns';
import { h, setChildren } from '../parts/dom';
import type { Measured } from './lines';

export interface TableRow {
  readonly step: number;
  /** In the order of the series; empty where there is nothing at this step. */
  readonly cells: readonly string[];
}

/** A number; where a row stands for several points their mean, lowest and highest, and how many were none. */
function cellOf({ metric, mean, low, high, bad, aggregated }: Columns, at: number): string {
  const value = (of: ArrayLike<number>): string => formatMetric(metric, of[at] ?? NaN);
  if (!Number.isFinite(mean[at])) return 'not a number';
  if (aggregated === 1) return value(mean);
  const none = bad[at] ?? 0;
  return `${value(mean)} (${value(low)} to ${value(high)})${none > 0 ? ` · ${none} not a number` : ''}`;
}

/** Newest first: what one looks for in a growing table is its end. */
export function tableRows(series: readonly Columns[], branches: boolean): TableRow[] {
  const rows = new Map<number, string[]>();
  const add = (place: number, step: number, text: string): void => {
    const cells = rows.get(step) ?? series.map(() => '');
    cells[place] = cells[place] === '' || cells[place] === undefined ? text : `${cells[place]} · ${text}`;
    rows.set(step, cells);
  };
  for (const [place, columns] of series.entries()) {
    for (let at = 0; at < columns.steps.length; at++) add(place, columns.steps[at] ?? 0, cellOf(columns, at));
    if (!branches) continue;
    const { steps, values } = columns.discarded;
    for (let at = 0; at < steps.length; at++) add(place, steps[at] ?? 0, `discarded ${formatMetric(columns.metric, values[at] ?? NaN)}`);
  }
  return [...rows].map(([step, cells]) => ({ step, cells })).sort((a, b) => b.step - a.step);
}

/** Rows that say what they said stay as they are: one may have selected in them, or be listening to them. */
export class ChartTable {
  private readonly head = h('thead');
  private readonly body = h('tbody');
  readonly element: HTMLTableElement;
  private headed = '';
  private rows = new Map<string, HTMLTableRowElement>();

  constructor(caption: string) {
    this.element = h('table', { class: 'numbers' }, h('caption', { class: 'visually-hidden' }, caption), this.head, this.body);
  }

  show(shown: readonly Measured[], branches: boolean): void {
    const heads = shown.map(({ label, columns: { aggregated } }) => ({ label, unit: aggregated === 1 ? null : `mean (lowest to highest) of ${aggregated}` }));
    const headed = JSON.stringify(heads);
    if (headed !== this.headed) {
      this.headed = headed;
      setChildren(this.head, [h('tr', {}, h('th', { scope: 'col' }, 'step'), ...heads.map(({ label, unit }) => h('th', { scope: 'col' },
        label, unit === null ? null : h('span', { class: 'unit' }, unit))))]);
    }
    const before = this.rows;
    this.rows = new Map();
    for (const { step, cells } of tableRows(shown.map(({ columns }) => columns), branches)) {
      const told = JSON.stringify([step, cells]);
      this.rows.set(told, before.get(told) ?? h('tr', {}, h('th', { scope: 'row' }, step.toLocaleString('en')), ...cells.map((text) => h('td', {}, text))));
    }
    setChildren(this.body, [...this.rows.values()]);
  }
}
