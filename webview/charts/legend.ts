/* A chart's legend: what each line is, its newest value or the one at the cursor, and a switch. */
import { metricCatalogue } from '../../src/contract/generated';
import { formatMetric, metricLabel } from '../../src/present/numbers';
import { type Columns, isScore } from '../../src/protocol/columns';
import type { Marks } from '../../src/protocol/runPanel';
import { h, setAttribute, setChildren, setText, smallButton, svg } from '../parts/dom';
import { DASHES, SERIES_COLORS } from '../parts/theme';
import type { ChartSpec } from './catalogue';
import { readAt, readNow } from './reading';
import { whenOf } from './words';

interface Entry {
  readonly item: HTMLLIElement;
  readonly button: HTMLButtonElement;
  readonly value: HTMLElement;
  readonly when: HTMLElement;
}

/** What it looks at of all that is shown. */
interface LegendInput {
  readonly series: ReadonlyMap<string, Columns>;
  readonly present: ReadonlySet<string>;
  readonly hidden: ReadonlySet<string>;
  readonly marks: Marks;
}

export class Legend {
  readonly element = h('ul', { class: 'legend' });
  private readonly entries = new Map<string, Entry>();

  /** In a chart of nothing but scores they are all of one step, which its notes tell. */
  private tellsSteps = false;

  constructor(private readonly toggle: (metric: string) => void) {}

  take(spec: ChartSpec): void {
    this.entries.clear();
    this.tellsSteps = !spec.metrics.every(isScore);
    spec.metrics.forEach((metric, index) => {
      const swatch = svg('svg', { class: `swatch series-${SERIES_COLORS[index % SERIES_COLORS.length]}`, width: 20, height: 8, viewBox: '0 0 20 8', 'aria-hidden': 'true' },
        svg('line', { x1: 1, y1: 4, x2: 19, y2: 4, stroke: 'currentColor', 'stroke-width': 2, 'stroke-dasharray': (DASHES[index % DASHES.length] ?? []).join(' ') }));
      const value = h('span', { class: 'legend-value' });
      const when = h('span', { class: 'legend-when' });
      const button = smallButton('legend-item', () => this.toggle(metric), swatch, h('span', { class: 'legend-label' }, metricLabel(metric) + (metric.startsWith('eval/') && spec.id === 'kl' ? ', validation' : '')), value, when);
      button.title = metricCatalogue[metric]?.text ?? metric;
      this.entries.set(metric, { item: h('li', {}, button), button, value, when });
    });
  }

  update({ series, present, hidden, marks }: LegendInput, step: number | null): void {
    const shown = [...this.entries].filter(([metric]) => present.has(metric));
    setChildren(this.element, shown.map(([, { item }]) => item));
    for (const [metric, { button, value, when }] of shown) {
      const columns = series.get(metric);
      setAttribute(button, 'aria-pressed', !hidden.has(metric));
      const now = columns === undefined ? undefined : readNow(columns, marks.phases);
      const reading = columns === undefined || step === null ? now : readAt(columns, step, marks.phases);
      setText(value, reading === undefined ? '–' : formatMetric(metric, reading.value));
      // What goes without saying at the cursor keeps its room: a legend that takes another line moves the picture from under the mouse.
      const told = reading?.at === undefined ? now : reading;
      setText(when, told !== undefined && this.tellsSteps ? whenOf(told) : '');
      when.classList.toggle('idle', step !== null && (reading?.at ?? step) === step);
      button.classList.toggle('ended', reading?.until !== undefined);
      setAttribute(button, 'data-points', columns?.points ?? 0);
      setAttribute(button, 'data-metric', metric);
    }
  }
}
