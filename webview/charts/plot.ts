/* One uPlot: how series, axes and scales look. Nothing here knows of the page around it. */
import uPlot from 'uplot';
import { metricCatalogue } from '../../src/contract/generated';
import type { Columns } from '../../src/protocol/columns';
import type { Marks } from '../../src/protocol/runPanel';
import { DASHES, palette } from '../parts/theme';
import { type Aligned, FIELDS } from './align';
import { isScore, type ChartSpec } from './catalogue';
import { paintBoundaries, paintEvents } from './marks';
import { tickText } from './words';

export interface PlotEvents {
  cursor(step: number | null): void;
  zoom(range: readonly [number, number] | null): void;
}

/** What the painting hooks look at; the chart replaces it whenever it changes. */
export interface PlotScene {
  readonly marks: Marks;
  readonly shown: readonly { readonly columns: Columns; readonly color: string }[];
  readonly smoothed: boolean;
}

export const PLOT_HEIGHT = 176;
const AXIS_WIDTH = 54;
/** Below this many columns each is a dot as well: a line hides where it was measured, and a single point is no line. */
const FEW = 40;

/** Index of a metric's field among uPlot's series; 0 is the axis of steps. */
const seriesIndex = (metric: number, field: (typeof FIELDS)[number]): number => 1 + metric * FIELDS.length + FIELDS.indexOf(field);

const colorOf = (metric: number): string => palette().series[metric % palette().series.length] ?? palette().text;

function seriesOf(spec: ChartSpec, scene: () => PlotScene): uPlot.Series[] {
  return spec.metrics.flatMap((metric, index): uPlot.Series[] => {
    const dash = [...(DASHES[index % DASHES.length] ?? [])];
    const score = isScore(metric);
    const few = (u: uPlot, _index: number, from: number, to: number): boolean => score || (u.data[0].length < FEW && to - from < FEW);
    return FIELDS.map((field): uPlot.Series => {
      switch (field) {
        case 'low':
        case 'high':
          return { scale: 'y', stroke: 'transparent', width: 0, points: { show: false } };
        case 'mean':
          return {
            scale: 'y', width: 1, dash: [], alpha: 1, points: { show: false },
            // As measured: faint under the smoothed line, absent where there is no difference.
            stroke: () => (scene().smoothed && !score ? fade(colorOf(index), palette().highContrast ? 0.55 : 0.35) : 'transparent'),
          };
        case 'smooth':
          return { scale: 'y', width: 1.75, dash, stroke: () => colorOf(index), points: { show: few, size: 5, width: 1, stroke: () => colorOf(index), fill: () => colorOf(index) } };
        case 'discarded':
          return { scale: 'y', width: 1, dash: [1, 3], stroke: () => fade(colorOf(index), 0.6), points: { show: false } };
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

export function createPlot(spec: ChartSpec, log: boolean, width: number, target: HTMLElement, aligned: Aligned, scene: () => PlotScene, events: PlotEvents): uPlot {
  const unit = metricCatalogue[spec.metrics[0] ?? '']?.unit;
  const tick = { show: false };
  const grid = { stroke: () => fade(palette().grid, palette().highContrast ? 0.35 : 0.25), width: 1 };
  const axis = { stroke: () => palette().quiet, font: palette().font, grid, ticks: tick, gap: 4 };
  const metric = spec.metrics[0] ?? '';
  const plot = new uPlot({
    width,
    height: PLOT_HEIGHT,
    padding: [6, 10, 0, 0],
    legend: { show: false },
    cursor: {
      y: false,
      points: { show: true, size: 6, width: 1 },
      drag: { x: true, y: false, setScale: false },
      // One dot per metric, on its smoothed line, at its own nearest column not after the cursor.
      dataIdx: (u, index, closest) => {
        if (index === 0) return closest;
        if (FIELDS[(index - 1) % FIELDS.length] !== 'smooth') return null;
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
        distr: log ? 3 : 1,
        range: (_u, low: number | null, high: number | null): uPlot.Range.MinMax => {
          if (low === null || high === null) return log ? [0.1, 1] : [0, 1];
          if (log) return uPlot.rangeLog(low, high, 10, false);
          const [bottom, top] = uPlot.rangeNum(low, high, 0.08, true);
          // A share lies between nothing and all; an axis beyond would suggest otherwise.
          return unit === '%' ? [Math.max(0, bottom ?? 0), Math.min(1, top ?? 1)] : [bottom, top];
        },
      },
    },
    axes: [
      { ...axis, size: 22, space: 60, values: (_u, splits) => splits.map((step) => (Number.isInteger(step) ? step.toLocaleString('en') : '')) },
      { ...axis, size: AXIS_WIDTH, space: 28, values: (_u, splits, _axis, _space, increment) => splits.map((value) => (value as number | null) === null ? '' : tickText(metric, value, log ? value : increment)) },
    ],
    series: [{}, ...seriesOf(spec, scene)],
    bands: spec.metrics.map((_, index) => ({ series: [seriesIndex(index, 'high'), seriesIndex(index, 'low')], fill: () => fade(colorOf(index), 0.16) })),
    hooks: {
      drawClear: [(u) => paintBoundaries(u, scene().marks)],
      draw: [(u) => paintEvents(u, scene().marks, scene().shown)],
      setCursor: [(u) => events.cursor(u.cursor.idx === null || u.cursor.idx === undefined || (u.cursor.left ?? -1) < 0 ? null : u.data[0][u.cursor.idx] ?? null)],
      setSelect: [(u) => {
        const { left, width: chosen } = u.select;
        if (chosen < 5) return;
        u.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
        events.zoom([Math.ceil(u.posToVal(left, 'x')), Math.floor(u.posToVal(left + chosen, 'x'))]);
      }],
    },
  }, aligned.data as uPlot.AlignedData, target);
  plot.over.classList.add('plot-over');
  return plot;
}

/** Shows or hides all that belongs to one metric. */
export function showMetric(plot: uPlot, index: number, show: boolean): void {
  for (const field of FIELDS) {
    const at = seriesIndex(index, field);
    if (plot.series[at]?.show !== show) plot.setSeries(at, { show });
  }
}
