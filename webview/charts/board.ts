/* All charts of a run: which are in view, what they share (range, cursor, smoothing), and when they are drawn. */
import { type PageState, type ViewSettings, type Viewport, wholeOf } from '../../src/protocol/runPanel';
import { h, setAttribute, setChildren, smallButton } from '../parts/dom';
import { onThemeChange } from '../parts/theme';
import { chartsFor, type ChartGroup } from './catalogue';
import { Chart, type ChartEvents } from './chart';
import { type Course, coursesOf } from './lines';
import { clampZoom, type StepRange } from './zoom';

export interface BoardEvents {
  settings(change: Partial<ViewSettings>): void;
  /** Other charts came into view, or have another width. */
  viewport(): void;
}

interface GroupElement {
  readonly element: HTMLElement;
  readonly grid: HTMLElement;
  readonly toggle: HTMLButtonElement;
}

function toggled(list: readonly string[], entry: string): string[] {
  return list.includes(entry) ? list.filter((other) => other !== entry) : [...list, entry];
}

export class Board {
  readonly element = h('div', { class: 'board' });
  private readonly charts = new Map<string, Chart>();
  private readonly groups = new Map<string, GroupElement>();
  private readonly observer: IntersectionObserver;
  private frame = 0;
  private settings: ViewSettings | undefined;
  private hidden: ReadonlySet<string> = new Set();
  private hiddenKey = '';
  private whole: StepRange = [0, 1];
  private courses: readonly Course[] = [];
  private coursesKey = '';
  private emphasis: number | null = null;
  private state: PageState | undefined;

  constructor(private readonly events: BoardEvents) {
    this.observer = new IntersectionObserver((entries) => this.onScroll(entries), { rootMargin: '160px 0px' });
    onThemeChange(() => this.redrawAll());
    new ResizeObserver(() => {
      this.redrawAll();
      this.events.viewport();
    }).observe(this.element);
  }

  private onScroll(entries: readonly IntersectionObserverEntry[]): void {
    for (const entry of entries) {
      const chart = this.charts.get(entry.target.getAttribute('data-chart') ?? '');
      if (chart) chart.visible = entry.isIntersecting;
    }
    this.events.viewport();
    this.schedule();
  }

  private redrawAll(): void {
    for (const chart of this.charts.values()) chart.invalidate();
    this.schedule();
  }

  update(state: PageState, settings: ViewSettings): void {
    this.settings = settings;
    this.state = state;
    const groups = chartsFor(state.inventory.metrics);
    this.arrange(groups, settings);
    // Charts tell by identity whether something changed.
    const key = settings.hidden.join('\n');
    if (key !== this.hiddenKey) {
      this.hiddenKey = key;
      this.hidden = new Set(settings.hidden);
    }
    const present = new Set(state.inventory.metrics);
    const { inventory, overlays, marks, header } = state;
    this.whole = wholeOf(state) ?? [0, 1];
    const courses = coursesOf({ name: header.name, phases: marks.phases, range: inventory.range }, overlays);
    const coursesKey = JSON.stringify(courses);
    if (coursesKey !== this.coursesKey) [this.coursesKey, this.courses] = [coursesKey, courses];
    const [first, last] = settings.zoom ?? this.whole;
    const range: [number, number] = first === last ? [first - 1, last + 1] : [first, last];
    for (const chart of this.charts.values()) {
      chart.update({
        courses: this.courses, series: state.series, present, hidden: this.hidden, marks: state.marks, range,
        smoothed: settings.smoothing > 0, branches: settings.branches, emphasis: this.emphasis,
        log: settings.log.includes(chart.spec.id), table: settings.tables.includes(chart.spec.id),
      });
    }
    this.schedule();
  }

  /** Lets the lines of one run stand out, by its place among the runs that are shown; null for all alike. */
  emphasize(run: number | null): void {
    if (run === this.emphasis) return;
    this.emphasis = run;
    if (this.state && this.settings) this.update(this.state, this.settings);
  }

  /** What the host is to send: the metrics of charts in view, in as many columns as the widest is wide. */
  viewport(settings: ViewSettings): Viewport {
    const visible = [...this.charts.values()].filter((chart) => chart.visible && chart.element.offsetParent !== null);
    const width = Math.max(240, ...visible.map(({ element }) => element.clientWidth));
    const metrics = visible.flatMap(({ spec }) => spec.metrics);
    return { metrics, columns: Math.min(1600, 64 * Math.ceil(width / 64)), smoothing: settings.smoothing, range: settings.zoom };
  }

  private arrange(groups: readonly ChartGroup[], settings: ViewSettings): void {
    setChildren(this.element, groups.map((group) => {
      let parts = this.groups.get(group.id);
      if (!parts) this.groups.set(group.id, (parts = this.makeGroup(group)));
      const folded = settings.folded.includes(group.id);
      parts.grid.hidden = folded;
      setAttribute(parts.toggle, 'aria-expanded', !folded);
      setChildren(parts.grid, group.charts.map((spec) => this.chartOf(spec).element));
      return parts.element;
    }));
  }

  private makeGroup(group: ChartGroup): GroupElement {
    const grid = h('div', { class: 'grid', id: `group-${group.id}` });
    const toggle = smallButton('group-toggle', () => this.events.settings({ folded: toggled(this.settings?.folded ?? [], group.id) }), group.title);
    toggle.setAttribute('aria-controls', grid.id);
    return { element: h('section', { class: 'group' }, h('h2', {}, toggle), grid), grid, toggle };
  }

  private chartOf(spec: Chart['spec']): Chart {
    const known = this.charts.get(spec.id);
    if (known) {
      known.take(spec);
      return known;
    }
    const events: ChartEvents = {
      cursor: (source, step) => {
        for (const chart of this.charts.values()) if (chart !== source) chart.follow(step);
      },
      zoom: (range) => this.zoom(range),
      toggleLog: (id) => this.events.settings({ log: toggled(this.settings?.log ?? [], id) }),
      toggleTable: (id) => this.events.settings({ tables: toggled(this.settings?.tables ?? [], id) }),
      toggleBranches: () => this.events.settings({ branches: this.settings?.branches === false }),
      toggleMetric: (metric) => this.events.settings({ hidden: toggled(this.settings?.hidden ?? [], metric) }),
    };
    const chart = new Chart(spec, events);
    this.charts.set(spec.id, chart);
    this.observer.observe(chart.element);
    return chart;
  }

  private zoom(range: StepRange | null): void {
    const zoom = range === null ? null : clampZoom(range, this.whole);
    if (zoom !== undefined) this.events.settings({ zoom });
  }

  /** However often something changes, a chart is drawn at most once per frame. */
  private schedule(): void {
    if (this.frame !== 0) return;
    this.frame = requestAnimationFrame(() => {
      this.frame = 0;
      for (const chart of this.charts.values()) chart.draw();
    });
  }
}
