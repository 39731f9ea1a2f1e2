/* Results: the final comparison with its verdict, and every checkpoint's scores. Two checkpoints can be chosen and compared. */
import { metricCatalogue } from '../../src/contract/generated';
import { formatMetric, metricLabel } from '../../src/present/numbers';
import type { ResultRow, ResultTable } from '../../src/protocol/results';
import type { ShownResults } from '../../src/protocol/runPanel';
import { swatch } from '../charts/legend';
import { runLook } from '../charts/lines';
import { h, setChildren, setText } from '../parts/dom';
import { button, type Checkbox, checkbox } from '../parts/toolkit';

const arrow: Readonly<Record<string, string>> = { lower: '↓', higher: '↑' };

function columnHead(metric: string): HTMLTableCellElement {
  const info = metricCatalogue[metric];
  const better = arrow[info?.better ?? ''];
  // "%" and bytes stand at each value; other units stand here, once.
  const unit = info === undefined || info.unit === '' || info.unit === '%' || info.unit === 'bytes' ? null : h('span', { class: 'unit' }, info.unit);
  // "exact match, sampled" breaks at its comma and nowhere else.
  const [name = '', ...manner] = metricLabel(metric).split(/(?<=, )/);
  return h('th', { scope: 'col', title: info?.text ?? null },
    h('span', { class: 'column-name' }, name, manner.length > 0 ? h('br') : null, ...manner), better === undefined ? null : h('span', { class: 'better', role: 'img', 'aria-label': `, ${info?.better ?? ''} is better` }, better), unit);
}

export interface ResultsEvents {
  /** The checkpoints that are ticked now, at most two. */
  tick(ids: readonly string[]): void;
  compare(older: string, newer: string): void;
}

export class ResultsView {
  readonly element: HTMLElement;
  private readonly content = h('div', { class: 'results' });
  private readonly compare = button('Compare samples', () => this.onCompare());
  private readonly boxes = new Map<string, Checkbox>();
  private ticked: readonly string[] = [];
  private shown = '';
  private results: ShownResults | undefined;

  constructor(private readonly events: ResultsEvents) {
    this.element = h('section', { class: 'section', id: 'results', 'aria-labelledby': 'results-title', tabindex: -1 },
      h('div', { class: 'section-head' }, h('h2', { id: 'results-title' }, 'Results'), h('div', { class: 'section-tools' }, this.compare.element)), this.content);
    this.updateCompare();
  }

  update(results: ShownResults, ticked: readonly string[], active: boolean): void {
    const key = JSON.stringify([results, active]);
    if (key !== this.shown) {
      this.shown = key;
      this.results = results;
      this.render(active);
    }
    this.ticked = ticked.filter((id) => this.boxes.has(id));
    for (const [id, box] of this.boxes) box.set(this.ticked.includes(id));
    this.updateCompare();
  }

  private render(active: boolean): void {
    const { results } = this;
    if (!results) return;
    const { checkpoints, final, verdict, runs } = results;
    const parts: HTMLElement[] = [];
    this.boxes.clear();
    if (runs !== null) {
      parts.push(h('h3', {}, 'Beside the other runs in the charts', h('span', { class: 'quiet' }, `${runs.count.toLocaleString('en')} validation rows`)));
      parts.push(this.table(runs, 'Scores of several runs', false, (index) => swatch(runLook(index))));
    }
    if (final.rows.length > 0) {
      parts.push(h('h3', {}, 'At the end', h('span', { class: 'quiet' }, `${final.count.toLocaleString('en')} validation rows`)));
      if (verdict !== null) parts.push(h('p', { class: 'verdict' }, verdict));
      parts.push(this.table(final, 'Scores at the end', false));
    }
    if (checkpoints.rows.length > 0) {
      parts.push(h('h3', {}, 'By checkpoint', h('span', { class: 'quiet' }, `the same ${checkpoints.count.toLocaleString('en')} validation rows each time`)), this.table(checkpoints, 'Scores by checkpoint', true));
    }
    if (parts.length === 0) parts.push(h('p', { class: 'empty' }, active ? 'The first scores come with the first checkpoint.' : 'This run ended before its first evaluation.'));
    this.compare.element.hidden = checkpoints.rows.filter(({ selectable }) => selectable).length < 2;
    setChildren(this.content, parts);
  }

  private table({ metrics, rows }: ResultTable, caption: string, selecting: boolean, sign?: (index: number) => SVGElement): HTMLElement {
    const anySelectable = selecting && rows.some(({ selectable }) => selectable);
    const head = h('tr', {}, anySelectable ? h('td', { class: 'select' }) : null, h('th', { scope: 'col' }, h('span', { class: 'visually-hidden' }, 'what was scored')), ...metrics.map(columnHead));
    const body = rows.map((row, index) => h('tr', { class: row.id === 'teacher' ? 'teacher' : row.id === 'control' ? 'control' : null },
      anySelectable ? h('td', { class: 'select' }, row.selectable ? this.selector(row) : null) : null,
      h('th', { scope: 'row' }, sign?.(index), row.label, ...[row.detail, (row.differs ?? []).join(', ')].map((words) => (
        words === '' ? null : h('span', { class: 'quiet' }, words)))),
      ...row.values.map((value, column) => {
        const best = row.best.includes(column);
        return h('td', { class: best ? 'best' : null }, value === null ? '–' : formatMetric(metrics[column] ?? '', value), best ? h('span', { class: 'visually-hidden' }, ' best') : null);
      })));
    return h('div', { class: 'table-scroll', tabindex: 0, role: 'region', 'aria-label': caption },
      h('table', { class: sign === undefined ? 'numbers' : 'numbers of-runs' }, h('caption', { class: 'visually-hidden' }, caption), h('thead', {}, head), h('tbody', {}, ...body)));
  }

  private selector(row: ResultRow): HTMLElement {
    const box = checkbox(`Choose ${row.label} for comparison`, (on) => this.tick(row.id, on), false);
    this.boxes.set(row.id, box);
    return box.element;
  }

  /** A third choice lets go of the first. */
  private tick(id: string, on: boolean): void {
    const others = this.ticked.filter((one) => one !== id);
    this.events.tick(on ? [...others, id].slice(-2) : others);
  }

  private updateCompare(): void {
    this.compare.setReason(this.ticked.length === 2 ? null : 'Choose two checkpoints in the table first.');
    setText(this.compare.element, this.ticked.length === 2 ? 'Compare the two' : 'Compare samples');
  }

  private onCompare(): void {
    const rows = this.results?.checkpoints.rows ?? [];
    const [older, newer] = rows.filter(({ id }) => this.ticked.includes(id));
    if (older && newer) this.events.compare(older.id, newer.id);
  }
}
