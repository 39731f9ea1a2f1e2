/* One chart with its title, legend, table twin and words. */
import type uPlot from 'uplot';
import type { Columns } from '../../src/protocol/columns';
import type { Marks } from '../../src/protocol/runPanel';
import { h, setAttribute, setChildren, setText, smallButton } from '../parts/dom';
import { align, type Aligned } from './align';
import { unitOf, type ChartSpec } from './catalogue';
import { ChartTable } from './chartTable';
import { Legend } from './legend';
import { type Course, type Line, linesOf, type Measured, measured } from './lines';
import { marksNear, type Nearby, reachOf } from './nearby';
import { AXIS_WIDTH, colorOf, createPlot, PLOT_HEIGHT, showLine, type PlotEvents, type PlotScene } from './plot';
import { branchNote, chartNotes, cursorNotes, describeChart, describeStep, sentence } from './words';

export interface ChartEvents {
  cursor(chart: Chart, step: number | null): void;
  zoom(range: readonly [number, number] | null): void;
  toggleLog(id: string): void;
  toggleTable(id: string): void;
  toggleMetric(metric: string): void;
  toggleBranches(): void;
}

/** All that decides how a chart looks. */
export interface ChartInput {
  /** The runs that are shown, the page's own first. */
  readonly courses: readonly Course[];
  /** By the keys of lines. */
  readonly series: ReadonlyMap<string, Columns>;
  readonly present: ReadonlySet<string>;
  readonly hidden: ReadonlySet<string>;
  readonly marks: Marks;
  readonly range: readonly [number, number];
  readonly smoothed: boolean;
  /** Whether discarded attempts are drawn. */
  readonly branches: boolean;
  /** Place among the runs of the one whose lines stand out; null where none does. */
  readonly emphasis: number | null;
  readonly log: boolean;
  readonly table: boolean;
}

const HELP = 'Drag to zoom, double-click for the whole run. Arrow keys move the cursor, + and − zoom, 0 shows the whole run.';
/** Pixels from the cursor within which a mark is near. */
const NEAR = 6;

export class Chart {
  readonly element: HTMLElement;
  visible = false;
  private readonly legend: Legend;
  private readonly canvas: HTMLDivElement;
  private readonly tableBox: HTMLDivElement;
  private readonly table: ChartTable;
  private readonly notes = h('span');
  private readonly notesLine: HTMLParagraphElement;
  private readonly branchButton: HTMLButtonElement;
  private readonly summary: HTMLParagraphElement;
  private readonly logButton: HTMLButtonElement;
  private readonly tableButton: HTMLButtonElement;
  private plot: uPlot | undefined;
  private plotLog = false;
  private lines: readonly Line[] = [];
  private runs = '';
  private aligned: Aligned = [[]];
  private drawn: ChartInput | undefined;
  private input: ChartInput | undefined;
  private step: number | null = null;
  private restyle = false;
  private width = 0;
  private following = false;
  /** The cursor is this chart's own. */
  private pointed = false;
  private remarks: string[] = [];

  constructor(public spec: ChartSpec, private readonly events: ChartEvents) {
    const id = `chart-${spec.id.replace(/\W/g, '-')}`;
    this.legend = new Legend((metric) => events.toggleMetric(metric));
    this.logButton = smallButton('tool', () => events.toggleLog(spec.id), 'log');
    this.logButton.setAttribute('aria-label', `Logarithmic axis: ${spec.title}`);
    this.tableButton = smallButton('tool', () => events.toggleTable(spec.id), 'table');
    this.tableButton.setAttribute('aria-label', `Show as a table: ${spec.title}`);
    this.branchButton = smallButton('link', () => events.toggleBranches());
    this.branchButton.hidden = true;
    this.notesLine = h('p', { class: 'chart-notes' }, this.notes, this.branchButton);
    this.summary = h('p', { class: 'visually-hidden', id: `${id}-words` });
    // A slider over steps: the one role that lets arrow keys move a cursor and has each value spoken.
    this.canvas = h('div', { class: 'plot', role: 'slider', tabindex: 0, title: HELP, 'aria-label': `${spec.title}, cursor`, 'aria-valuenow': 0, 'aria-describedby': `${id}-words` });
    this.canvas.addEventListener('keydown', (event) => this.onKey(event));
    this.canvas.addEventListener('blur', () => this.moveTo(null));
    this.table = new ChartTable(spec.title);
    this.tableBox = h('div', { class: 'chart-table', tabindex: 0, role: 'region', 'aria-label': `${spec.title}, table` }, this.table.element);
    const unit = unitOf(spec);
    this.element = h('section', { class: 'chart', 'aria-labelledby': id, 'data-chart': spec.id },
      h('div', { class: 'chart-head' },
        h('h3', { id }, spec.title, unit === '' ? null : h('span', { class: 'unit' }, unit)),
        h('div', { class: 'tools' }, this.logButton, this.tableButton)),
      this.legend.element, this.canvas, this.tableBox, this.notesLine, this.summary);
    this.tableBox.hidden = true;
  }

  /** The same chart, of other metrics: a phase may measure what none did before. */
  take(spec: ChartSpec): void {
    if (spec.metrics.join('\n') === this.spec.metrics.join('\n')) return;
    this.spec = spec;
    this.rearrange();
  }

  /** Other lines than before. */
  private rearrange(): void {
    const courses = this.input?.courses ?? [];
    this.lines = linesOf(this.spec.metrics, courses);
    this.legend.take(this.spec, this.lines, courses);
    this.plot?.destroy();
    this.plot = undefined;
    this.restyle = true;
  }

  /** Takes what is to be shown; drawing waits for the next frame. Returns whether there is something to draw. */
  update(input: ChartInput): boolean {
    this.input = input;
    const runs = JSON.stringify(input.courses.map(({ id, name }) => [id, name]));
    if (runs !== this.runs) {
      this.runs = runs;
      this.rearrange();
    }
    return this.isStale();
  }

  private isStale(): boolean {
    const { input, drawn } = this;
    if (input === undefined) return false;
    if (drawn === undefined || this.restyle) return true;
    const changed = ({ key, metric }: Line): boolean =>
      drawn.series.get(key) !== input.series.get(key) || drawn.present.has(metric) !== input.present.has(metric);
    return drawn.log !== input.log || drawn.table !== input.table || drawn.smoothed !== input.smoothed
      || drawn.branches !== input.branches || drawn.marks !== input.marks || drawn.courses !== input.courses
      || drawn.hidden !== input.hidden || drawn.emphasis !== input.emphasis
      || drawn.range[0] !== input.range[0] || drawn.range[1] !== input.range[1]
      || this.lines.some(changed);
  }

  /** Colours or size changed. */
  invalidate(): void {
    this.restyle = true;
  }

  draw(): void {
    if (!this.visible || !this.isStale()) return;
    const input = this.input;
    if (!input) return;
    this.drawn = input;
    this.restyle = false;
    const shown = this.shown(input);
    const series = shown.map(({ columns }) => columns);
    const anyPositive = series.some(({ high }) => Array.from(high).some((value) => value > 0));
    const log = input.log && anyPositive;
    setAttribute(this.logButton, 'aria-pressed', input.log);
    setAttribute(this.tableButton, 'aria-pressed', input.table);
    this.legend.update(input, this.step);
    this.canvas.hidden = input.table;
    this.tableBox.hidden = !input.table;
    setAttribute(this.element, 'data-columns', series.reduce((sum, { steps }) => sum + steps.length, 0));
    setText(this.summary, describeChart(shown));
    this.aligned = align(this.lines.map(({ key }) => input.series.get(key)), log, input.branches);
    this.remarks = chartNotes(series, log);
    if (input.log && !anyPositive && shown.length > 0) this.remarks.push('no value above 0: the axis stays linear');
    const branch = branchNote(series, input.branches);
    this.branchButton.hidden = branch === undefined;
    setText(this.branchButton, branch ?? '');
    setAttribute(this.branchButton, 'aria-pressed', input.branches);
    setAttribute(this.branchButton, 'title', input.branches ? 'Hide it in all charts' : 'Show it in all charts');
    if (input.table) this.table.show(shown, input.branches);
    else this.drawPlot(input, log);
    this.describeCursor();
  }

  private drawPlot(input: ChartInput, log: boolean): void {
    const width = Math.floor(this.canvas.clientWidth);
    if (width < 40) return;
    if (this.plot && this.plotLog !== log) {
      this.plot.destroy();
      this.plot = undefined;
    }
    const [from, to] = input.range;
    if (!this.plot) {
      setChildren(this.canvas, []);
      const events: PlotEvents = { cursor: (step) => this.onCursor(step), zoom: (range) => this.events.zoom(range) };
      this.plot = createPlot({ lines: this.lines, log, width, scene: () => this.scene(), events }, this.canvas, this.aligned);
      this.plotLog = log;
      this.width = width;
    }
    const { plot } = this;
    if (this.width !== width) {
      this.width = width;
      plot.setSize({ width, height: PLOT_HEIGHT });
    }
    plot.batch(() => {
      // The picture may have missed what was switched while a table stood in its place.
      this.lines.forEach(({ metric, run }, index) => (
        showLine(plot, index, !input.hidden.has(metric), input.emphasis === null || input.emphasis === run)));
      plot.setData(this.aligned, false);
      plot.setScale('x', { min: from, max: to });
    });
    if (this.step !== null) this.showStep(this.step);
  }

  private scene(): PlotScene {
    const input = this.input;
    if (!input) return { marks: { phases: [], checkpoints: [], alerts: [], resumes: [] }, shown: new Map(), smoothed: false };
    return {
      marks: input.marks,
      smoothed: input.smoothed,
      shown: new Map(this.lines.flatMap((line) => {
        const columns = input.series.get(line.key);
        const faint = input.emphasis !== null && line.run !== input.emphasis;
        if (columns === undefined || faint || input.hidden.has(line.metric)) return [];
        return [[line.key, { ...measured(line, columns, input.courses), color: colorOf(line) }]];
      })),
    };
  }

  /** What is drawn, in words' order: the page's own run first, metric by metric. */
  private shown({ series, hidden, courses }: ChartInput): Measured[] {
    return [...this.lines].sort((a, b) => a.run - b.run).flatMap((line) => {
      const columns = series.get(line.key);
      return columns === undefined || hidden.has(line.metric) ? [] : [measured(line, columns, courses)];
    });
  }

  private onCursor(step: number | null): void {
    if (this.following) return;
    this.step = step;
    this.pointed = step !== null;
    this.describeCursor();
    this.events.cursor(this, step);
  }

  /** Puts the cursor where another chart's is. */
  follow(step: number | null): void {
    this.pointed = false;
    this.showStep(step);
  }

  private showStep(step: number | null): void {
    this.step = step;
    if (this.visible) this.describeCursor();
    if (!this.plot || !this.visible) return;
    this.following = true;
    const left = step === null ? -10 : this.plot.valToPos(step, 'x');
    this.plot.setCursor({ left, top: step === null ? -10 : 0 });
    this.following = false;
  }

  private describeCursor(): void {
    const input = this.input;
    if (!input) return;
    this.legend.update(input, this.step);
    const step = this.step ?? input.range[1];
    const shown = this.shown(input);
    // In one chart only: notes that grow in those above it would move it away.
    const nearby = this.step === null || !this.pointed ? [] : this.nearby(input, this.step);
    const here = this.step === null ? [] : cursorNotes(shown, this.step);
    const marked = nearby.map(({ sign, text }) => `${sign} ${text}`);
    // What is marked takes the place of what is always so.
    setText(this.notes, [...here, ...(marked.length > 0 ? marked : this.remarks)].join(' · '));
    this.notesLine.classList.toggle('pointing', this.step !== null);
    setAttribute(this.canvas, 'aria-valuemin', Math.ceil(input.range[0]));
    setAttribute(this.canvas, 'aria-valuemax', Math.floor(input.range[1]));
    setAttribute(this.canvas, 'aria-valuenow', Math.round(step));
    setAttribute(this.canvas, 'aria-valuetext', [
      describeStep(shown, Math.round(step)), ...nearby.map(({ text }) => sentence(text)),
    ].join(' '));
  }

  private nearby(input: ChartInput, step: number): Nearby[] {
    const [from, to] = input.range;
    const pixels = NEAR * (to - from) / Math.max(1, this.width - AXIS_WIDTH);
    const [before, after] = reachOf(this.aligned[0], step);
    return marksNear(input.marks, step, [Math.max(from, Math.min(before, step - pixels)), Math.min(to, Math.max(after, step + pixels))]);
  }

  private moveTo(step: number | null): void {
    this.pointed = step !== null;
    this.showStep(step);
    this.events.cursor(this, step);
  }

  private onKey(event: KeyboardEvent): void {
    const input = this.input;
    if (!input || event.ctrlKey || event.metaKey || event.altKey) return;
    const [from, to] = input.range;
    // There may be none: where a run has ended before, one still zooms out.
    const steps = this.aligned[0].filter((step) => step >= from && step <= to);
    const last = steps.length - 1;
    const here = this.step === null ? -1 : steps.findIndex((step) => step >= (this.step ?? 0));
    const go = (index: number): void => this.moveTo(steps[Math.max(0, Math.min(last, index))] ?? null);
    const page = Math.max(1, Math.round(steps.length / 10));
    const center = this.step ?? (from + to) / 2;
    const scaleBy = (factor: number): void => {
      const low = Math.round(center - (center - from) * factor);
      const high = Math.round(center + (to - center) * factor);
      if (high - low >= 2) this.events.zoom([low, high]);
    };
    switch (event.key) {
      case 'ArrowLeft': case 'ArrowDown': go(here < 0 ? last : here - 1); break;
      case 'ArrowRight': case 'ArrowUp': go(here < 0 ? 0 : here + 1); break;
      case 'PageDown': go((here < 0 ? last : here) - page); break;
      case 'PageUp': go(here < 0 ? page : here + page); break;
      case 'Home': go(0); break;
      case 'End': go(last); break;
      case '+': case '=': scaleBy(0.5); break;
      case '-': scaleBy(2); break;
      case '0': this.events.zoom(null); break;
      case 'Escape': this.moveTo(null); break;
      default: return;
    }
    event.preventDefault();
  }
}

