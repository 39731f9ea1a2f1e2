/* A chart's legend: what each line is, its newest value or the one at the cursor, and a switch. */
import { metricCatalogue } from '../../src/contract/generated';
import { formatMetric, metricLabel } from '../../src/present/numbers';
import type { Columns } from '../../src/protocol/columns';
import { h, setAttribute, setChildren, setText, smallButton, svg } from '../parts/dom';
import { DASHES, SERIES_COLORS } from '../parts/theme';
import type { ChartSpec } from './catalogue';
import { valueAt } from './words';

interface Entry {
  readonly item: HTMLLIElement;
  readonly button: HTMLButtonElement;
  readonly value: HTMLElement;
}

export class Legend {
  readonly element = h('ul', { class: 'legend' });
  private readonly entries = new Map<string, Entry>();

  constructor(spec: ChartSpec, toggle: (metric: string) => void) {
    spec.metrics.forEach((metric, index) => {
      const swatch = svg('svg', { class: `swatch series-${SERIES_COLORS[index % SERIES_COLORS.length]}`, width: 20, height: 8, viewBox: '0 0 20 8', 'aria-hidden': 'true' },
        svg('line', { x1: 1, y1: 4, x2: 19, y2: 4, stroke: 'currentColor', 'stroke-width': 2, 'stroke-dasharray': (DASHES[index % DASHES.length] ?? []).join(' ') }));
      const value = h('span', { class: 'legend-value' });
      const button = smallButton('legend-item', () => toggle(metric), swatch, h('span', { class: 'legend-label' }, metricLabel(metric) + (metric.startsWith('eval/') && spec.id === 'kl' ? ', validation' : '')), value);
      button.title = metricCatalogue[metric]?.text ?? metric;
      this.entries.set(metric, { item: h('li', {}, button), button, value });
    });
  }

  update(series: ReadonlyMap<string, Columns>, present: ReadonlySet<string>, hidden: ReadonlySet<string>, step: number | null): void {
    const shown = [...this.entries].filter(([metric]) => present.has(metric));
    setChildren(this.element, shown.map(([, { item }]) => item));
    for (const [metric, { button, value }] of shown) {
      const columns = series.get(metric);
      setAttribute(button, 'aria-pressed', !hidden.has(metric));
      const number = columns === undefined ? undefined : step === null ? columns.last : valueAt(columns, step);
      setText(value, number === undefined ? '–' : formatMetric(metric, number));
      setAttribute(button, 'data-points', columns?.points ?? 0);
      setAttribute(button, 'data-metric', metric);
    }
  }
}
