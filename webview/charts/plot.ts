/* One uPlot: how series, axes and scales look. Nothing here knows of the page around it. */
import uPlot from 'uplot';
import { metricCatalogue } from '../../src/contract/generated';
import { isScore } from '../../src/protocol/columns';
import type { Marks } from '../../src/protocol/runPanel';
import { DASHES, palette } from '../parts/theme';
import { type Aligned, BELOW, FIELDS } from './align';
import { isDotted, type Line, type Measured } from './lines';
import { paintBoundaries, paintEvents } from './marks';
import { readAt } from './reading';
import { tickText } from './words';

/** Steps from and to; null for the whole run. */
export type PlotRange = readonly [number, number] | null;

export interface PlotEvents {
  cursor(step: number | null): void;
  zoom(range: PlotRange): void;
}

/** What the painting hooks look at; the chart replaces it whenever it changes. */
export interface PlotScene {
  readonly marks: Marks;
  /** By the keys of their lines; what is hidden is missing. */
  readonly shown: ReadonlyMap<string, Measured & { readonly color: string }>;
  readonly smoothed: boolean;
}

export const PLOT_HEIGHT = 176;
export const AXIS_WIDTH = 54;

/** Index of a line's field among uPlot's series; 0 is the axis of steps. */
const seriesIndex = (line: number, field: (typeof FIELDS)[number]): number => 1 + line * FIELDS.length + FIELDS.indexOf(field);

export const colorOf = (line: Line | undefined): string => palette().series[line?.color ?? 0] ?? palette().text;

function seriesOf(lines: readonly Line[], scene: () => PlotScene): uPlot.Series[] {
  return lines.flatMap((line): uPlot.Series[] => {
    const dash = [...(DASHES[line.dash] ?? [])];
    const color = (): string => colorOf(line);
    const score = isScore(line.metric);
    const dotted = (): boolean => isDotted(scene().shown.get(line.key)?.columns);
    return FIELDS.map((field): uPlot.Series => {
      switch (field) {
        case 'low':
        case 'high':
          return { scale: 'y', width: 1, stroke: () => fade(color(), palette().highContrast ? 0.55 : 0.35), points: { show: false } };
        case 'mean':
          return {
            scale: 'y', width: 1, dash: [], alpha: 1, points: { show: false },
            // As measured: faint under the smoothed line, absent where there is no difference.
            stroke: () => (scene().smoothed && !score ? fade(color(), palette().highContrast ? 0.55 : 0.35) : 'transparent'),
          };
        case 'smooth':
          return { scale: 'y', width: 1.75, dash, stroke: color, points: { show: dotted, size: 5, width: 1, stroke: color, fill: color } };
        case 'discarded':
          // It may leave the picture: where it diverged, a scale that had room for it would flatten the run.
          return { scale: 'y', auto: false, width: 1, dash: [1, 3], stroke: () => fade(color(), 0.6), points: { show: false } };
      }
    });
  });
}

/** A theme colour, more transparent. Themes write colours in any notation, so the canvas is asked to read it. */
function fade(color: string, alpha: number): string {
  const ctx = (reader ??= document.createElement('canvas').getContext('2d'));
  if (!ctx) return color;
  ctx.fillStyle = color;
  const read = ctx.fillStyle;
  return read.startsWith('#') ? `${read}${Math.round(alpha * 255).toString(16).padStart(2, '0')}` : read.replace(/[\d.]+\)$/, `${alpha})`);
}
let reader: CanvasRenderingContext2D | null | undefined;

export interface PlotOptions {
  readonly lines: readonly Line[];
  readonly log: boolean;
  readonly width: number;
  readonly scene: () => PlotScene;
  readonly events: PlotEvents;
}

/** Step under the cursor; null when it is not over the picture. */
function stepAtCursor(u: uPlot): number | null {
  const { idx, left = -1 } = u.cursor;
  return idx === null || idx === undefined || left < 0 ? null : u.data[0][idx] ?? null;
}

function axesOf(metric: string, log: boolean): uPlot.Axis[] {
  const grid: uPlot.Axis.Grid = { stroke: () => fade(palette().grid, palette().highContrast ? 0.35 : 0.18), width: 1 };
  const axis: uPlot.Axis = { stroke: () => palette().quiet, font: palette().font, grid, ticks: { show: false }, gap: 4 };
  // On a logarithmic axis a line per power of ten is enough.
  const isPower = (value: number): boolean => Number.isInteger(Math.log10(value));
  const powers = (_u: uPlot, splits: number[]): (number | null)[] => splits.map((value) => (isPower(value) ? value : null));
  return [
    { ...axis, size: 22, space: 60, values: (_u, splits) => splits.map((step) => (Number.isInteger(step) ? step.toLocaleString('en') : '')) },
    {
      ...axis, size: AXIS_WIDTH, space: 28, grid: log ? { ...grid, filter: powers } : grid,
      values: (_u, splits: (number | null)[], _axis, _space, increment) => (
        splits.map((value) => (value === null ? '' : tickText(metric, value, log ? value : increment)))),
    },
  ];
}

/** Of all that decides a logarithmic scale, the lowest value that it can show. */
function lowestShown(u: uPlot): number {
  const [from, to] = u.series[0]?.idxs ?? [0, -1];
  let lowest = Infinity;
  u.series.forEach(({ show, auto }, index) => {
    if (index === 0 || show !== true || auto !== true) return;
    for (let i = from; i <= to; i++) {
      const value = u.data[index]?.[i];
      if (typeof value === 'number' && value > BELOW && value < lowest) lowest = value;
    }
  });
  return lowest;
}

export function createPlot({ lines, log, width, scene, events }: PlotOptions, target: HTMLElement, aligned: Aligned): uPlot {
  const metric = lines[0]?.metric ?? '';
  const lineOf = (series: number): Line | undefined => lines[Math.floor((series - 1) / FIELDS.length)];
  const unit = metricCatalogue[metric]?.unit;
  const plot = new uPlot({
    width,
    height: PLOT_HEIGHT,
    padding: [6, 26, 0, 0], // a step at the very end keeps its whole number
    legend: { show: false },
    cursor: {
      y: false,
      points: { size: 7, width: 1, stroke: () => palette().background, fill: (_u, i) => colorOf(lineOf(i)) },
      drag: { x: true, y: false, setScale: false },
      // One dot per line that has a value at the cursor, on its smoothed line, at its own nearest column not after the cursor.
      dataIdx: (u, index, closest) => {
        if (index === 0) return closest;
        if (FIELDS[(index - 1) % FIELDS.length] !== 'smooth') return null;
        const own = scene().shown.get(lineOf(index)?.key ?? '');
        if (own === undefined || readAt(own.columns, u.data[0][closest] ?? 0, own.course) === undefined) return null;
        const row = u.data[index];
        let i = closest;
        while (i >= 0 && row?.[i] === undefined) i--;
        return i < 0 ? null : i;
      },
      bind: {
        dblclick: () => () => {
          events.zoom(null);
          return null;
        },
      },
    },
    scales: {
      x: { time: false, auto: false },
      y: {
        // eslint-disable-next-line @typescript-eslint/no-unsafe-enum-assignment -- uPlot's enum exists for its own compiler alone
        distr: log ? 3 : 1,
        range: (u, low: number | null, high: number | null): uPlot.Range.MinMax => {
          if (low === null || high === null) return log ? [0.1, 1] : [0, 1];
          if (log) return uPlot.rangeLog(lowestShown(u), high, 10, false);
          const [bottom, top] = uPlot.rangeNum(low, high, 0.08, true);
          // A share lies between nothing and all, and an axis beyond would suggest otherwise; an error rate may exceed all.
          return unit === '%' && high <= 1 ? [Math.max(0, bottom ?? 0), Math.min(1, top ?? 1)] : [bottom, top];
        },
      },
    },
    axes: axesOf(metric, log),
    series: [{}, ...seriesOf(lines, scene)],
    bands: lines.map((line, index) => ({ series: [seriesIndex(index, 'high'), seriesIndex(index, 'low')], fill: () => fade(colorOf(line), 0.16) })),
    hooks: {
      drawClear: [(u) => paintBoundaries(u, scene().marks)],
      draw: [(u) => paintEvents(u, scene().marks, [...scene().shown.values()])],
      setCursor: [(u) => events.cursor(stepAtCursor(u))],
      setSelect: [(u) => {
        const { left, width: chosen } = u.select;
        if (chosen < 5) return;
        u.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
        events.zoom([Math.ceil(u.posToVal(left, 'x')), Math.floor(u.posToVal(left + chosen, 'x'))]);
      }],
    },
  }, aligned, target);
  plot.over.classList.add('plot-over');
  return plot;
}

/** How much is left of the lines of other runs while one is pointed at. */
const FAINT = 0.12;

/** Shows or hides all that belongs to one line; strong or faint. */
export function showLine(plot: uPlot, index: number, show: boolean, strong: boolean): void {
  for (const field of FIELDS) {
    const at = seriesIndex(index, field);
    const series = plot.series[at];
    if (series === undefined) continue;
    series.alpha = strong ? 1 : FAINT;
    if (series.show !== show) plot.setSeries(at, { show });
  }
}
