/* A chart's legend: what each line is, its newest value or the one at the cursor, and a switch for each metric. */
import { metricCatalogue } from '../../src/contract/generated';
import { formatMetric, metricLabel } from '../../src/present/numbers';
import { type Columns, isScore } from '../../src/protocol/columns';
import { h, setAttribute, setChildren, setText, smallButton, svg } from '../parts/dom';
import { DASHES, SERIES_COLORS } from '../parts/theme';
import type { ChartSpec } from './catalogue';
import type { Course, Line } from './lines';
import { readAt, readNow } from './reading';
import { whenOf } from './words';

interface Value {
  readonly line: Line;
  readonly value: HTMLElement;
  readonly when: HTMLElement;
  /** Swatch and value, where there are several. */
  readonly box: HTMLElement | undefined;
}

interface Entry {
  readonly item: HTMLLIElement;
  readonly button: HTMLButtonElement;
  /** A value of each run, the page's own first. */
  readonly values: readonly Value[];
}

/** What it looks at of all that is shown. */
interface LegendInput {
  readonly courses: readonly Course[];
  readonly series: ReadonlyMap<string, Columns>;
  readonly present: ReadonlySet<string>;
  readonly hidden: ReadonlySet<string>;
}

export function swatch({ color, dash }: Pick<Line, 'color' | 'dash'>): SVGElement {
  return svg('svg', { class: `swatch series-${SERIES_COLORS[color]}`, width: 20, height: 8, viewBox: '0 0 20 8', 'aria-hidden': 'true' },
    svg('line', { x1: 1, y1: 4, x2: 19, y2: 4, stroke: 'currentColor', 'stroke-width': 2, 'stroke-dasharray': (DASHES[dash] ?? []).join(' ') }));
}

export class Legend {
  readonly element = h('ul', { class: 'legend' });
  private readonly entries = new Map<string, Entry>();

  /** In a chart of nothing but scores they are all of one step, which its notes tell. */
  private tellsSteps = false;

  constructor(private readonly toggle: (metric: string) => void) {}

  take(spec: ChartSpec, lines: readonly Line[], courses: readonly Course[]): void {
    this.entries.clear();
    this.tellsSteps = !spec.metrics.every(isScore);
    const several = courses.length > 1;
    for (const metric of spec.metrics) {
      const label = h('span', { class: 'legend-label' }, metricLabel(metric) + (metric.startsWith('eval/') && spec.id === 'kl' ? ', validation' : ''));
      const own = lines.filter((line) => line.metric === metric).sort((a, b) => a.run - b.run);
      const values = own.map((line): Value => {
        const [value, when] = [h('span', { class: 'legend-value' }), h('span', { class: 'legend-when' })];
        // Colours name the runs; who does not see them hears whose value it is.
        const { name } = courses[line.run] ?? { name: '' };
        const box = several ? h('span', { class: 'legend-run', title: name }, swatch(line), h('span', { class: 'visually-hidden' }, `, ${name} `), value, when) : undefined;
        return { line, value, when, box };
      });
      const alone = values.flatMap(({ line, value, when }) => [swatch(line), label, value, when]);
      const parts = several ? [label, ...values.map(({ box }) => box)] : alone;
      const button = smallButton(several ? 'legend-item several' : 'legend-item', () => this.toggle(metric), ...parts);
      button.title = metricCatalogue[metric]?.text ?? metric;
      this.entries.set(metric, { item: h('li', {}, button), button, values });
    }
  }

  update({ courses, series, present, hidden }: LegendInput, step: number | null): void {
    const shown = [...this.entries].filter(([metric]) => present.has(metric));
    setChildren(this.element, shown.map(([, { item }]) => item));
    for (const [metric, { button, values }] of shown) {
      setAttribute(button, 'aria-pressed', !hidden.has(metric));
      setAttribute(button, 'data-metric', metric);
      setAttribute(button, 'data-points', series.get(metric)?.points ?? 0);
      for (const one of values) this.tell(one, series.get(one.line.key), courses[one.line.run], step);
    }
  }

  private tell({ line, value, when, box }: Value, columns: Columns | undefined, course: Course | undefined, step: number | null): void {
    const now = columns === undefined || course === undefined ? undefined : readNow(columns, course);
    const reading = columns === undefined || course === undefined || step === null ? now : readAt(columns, step, course);
    setText(value, reading === undefined ? '–' : formatMetric(line.metric, reading.value));
    // What goes without saying at the cursor keeps its room: a legend that takes another line moves the picture from under the mouse.
    const told = reading?.at === undefined ? now : reading;
    setText(when, told !== undefined && this.tellsSteps ? whenOf(told) : '');
    when.classList.toggle('idle', step !== null && (reading?.at ?? step) === step);
    value.classList.toggle('ended', reading?.until !== undefined);
    if (box === undefined) return;
    // A run that never measured this would take room for a dash.
    box.hidden = columns === undefined;
  }
}
