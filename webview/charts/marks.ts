/* What is painted around the lines: phases, checkpoints, alerts, resumed attempts, spikes, and values that are no numbers. */
import type uPlot from 'uplot';
import type { Columns } from '../../src/protocol/columns';
import type { Marks } from '../../src/protocol/runPanel';
import { palette } from '../parts/theme';
import { spikesOf } from './spikes';

function inView(u: uPlot, step: number): boolean {
  const { min, max } = u.scales['x'] ?? {};
  return min !== undefined && max !== undefined && step >= min && step <= max;
}

function triangle(ctx: CanvasRenderingContext2D, x: number, y: number, size: number, up: boolean): void {
  ctx.beginPath();
  ctx.moveTo(x, y);
  ctx.lineTo(x - size, y + (up ? size * 1.5 : -size * 1.5));
  ctx.lineTo(x + size, y + (up ? size * 1.5 : -size * 1.5));
  ctx.closePath();
  ctx.fill();
}

/** Where the last step of the phase before ended: the first rollouts stand there, before the first step. */
function boundaries(u: uPlot, marks: Marks): { readonly x: number; readonly method: string }[] {
  return marks.phases.filter(({ step }) => step > 1 && inView(u, step - 1))
    .map(({ step, method }) => ({ x: Math.round(u.valToPos(step - 1, 'x', true)) + 0.5, method }));
}

/** Names of phases, over the lines, with a rim that keeps them legible there. */
function paintPhaseNames(u: uPlot, marks: Marks): void {
  const { ctx, bbox } = u;
  const ratio = window.devicePixelRatio;
  const colors = palette();
  ctx.font = colors.font.replace(/^\d+px/, `${10 * ratio}px`);
  ctx.textBaseline = 'top';
  ctx.lineJoin = 'round';
  ctx.lineWidth = 3 * ratio;
  ctx.strokeStyle = colors.background;
  ctx.fillStyle = colors.quiet;
  for (const { x, method } of boundaries(u, marks)) {
    const right = x + 4 * ratio + ctx.measureText(method).width < bbox.left + bbox.width;
    ctx.textAlign = right ? 'left' : 'right';
    const at = [x + (right ? 4 : -4) * ratio, bbox.top + ratio] as const;
    ctx.strokeText(method, ...at);
    ctx.fillText(method, ...at);
  }
}

/** Under the lines: where a phase begins, and where an attempt was resumed. */
export function paintBoundaries(u: uPlot, marks: Marks): void {
  const { ctx, bbox } = u;
  const ratio = window.devicePixelRatio;
  const colors = palette();
  ctx.save();
  ctx.lineWidth = ratio;
  for (const { x } of boundaries(u, marks)) {
    ctx.strokeStyle = colors.quiet;
    ctx.setLineDash([2 * ratio, 2 * ratio]);
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
  }
  ctx.strokeStyle = colors.warning;
  ctx.setLineDash([6 * ratio, 3 * ratio]);
  for (const { step } of marks.resumes) {
    if (!inView(u, step)) continue;
    const x = Math.round(u.valToPos(step, 'x', true)) + 0.5;
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
  }
  ctx.restore();
}

/** Pixels from one row of crosses to the next. */
const CROSS_ROW = 8;
/** Pixels that a spike is long at the least. */
const SHORTEST_SPIKE = 6;

/** From the mean of a column to its extreme, which may be beyond the axis where that is logarithmic. */
function paintSpikes(u: uPlot, columns: Columns, color: string): void {
  const { ctx, bbox } = u;
  const ratio = window.devicePixelRatio;
  const bottom = bbox.top + bbox.height;
  const place = (value: number): number => {
    const y = u.valToPos(value, 'y', true);
    return Number.isNaN(y) ? bottom : Math.max(bbox.top, Math.min(bottom, y));
  };
  ctx.strokeStyle = color;
  ctx.lineWidth = 1.25 * ratio;
  for (const { step, mean, extreme } of spikesOf(columns)) {
    const [from, to] = [place(mean), place(extreme)];
    if (!inView(u, step) || Math.abs(to - from) < SHORTEST_SPIKE * ratio) continue;
    const x = u.valToPos(step, 'x', true);
    ctx.beginPath();
    ctx.moveTo(x, from);
    ctx.lineTo(x, to);
    ctx.stroke();
  }
}

/** In which row from the top the crosses of each line stand: only lines that have some take one, and what there is room for is shared. */
export function crossRows(shown: readonly { readonly columns: Columns }[], room: number): (number | undefined)[] {
  let next = 0;
  return shown.map(({ columns }) => (Array.from(columns.bad).some((count) => count > 0) ? next++ % Math.max(1, room) : undefined));
}

/** Over the lines: spikes, checkpoints along the bottom, alerts along the top, and a cross where a value was no number. */
export function paintEvents(u: uPlot, marks: Marks, shown: readonly { readonly columns: Columns; readonly color: string }[]): void {
  const { ctx, bbox } = u;
  const ratio = window.devicePixelRatio;
  const colors = palette();
  ctx.save();
  ctx.setLineDash([]);
  for (const { columns, color } of shown) paintSpikes(u, columns, color);
  paintPhaseNames(u, marks);
  ctx.fillStyle = colors.quiet;
  for (const { step } of marks.checkpoints) {
    if (inView(u, step)) triangle(ctx, u.valToPos(step, 'x', true), bbox.top + bbox.height - 5 * ratio, 3 * ratio, true);
  }
  for (const { step, level } of marks.alerts) {
    if (!inView(u, step)) continue;
    ctx.fillStyle = level === 'error' ? colors.error : level === 'warning' ? colors.warning : colors.quiet;
    triangle(ctx, u.valToPos(step, 'x', true), bbox.top + 7 * ratio, 4 * ratio, false);
  }
  ctx.lineWidth = 1.5 * ratio;
  const rows = crossRows(shown, Math.floor((bbox.height / ratio - 20) / CROSS_ROW));
  shown.forEach(({ columns, color }, place) => {
    const row = rows[place];
    if (row === undefined) return;
    ctx.strokeStyle = color;
    const y = bbox.top + (14 + CROSS_ROW * row) * ratio;
    const size = 3 * ratio;
    for (let i = 0; i < columns.steps.length; i++) {
      const step = columns.steps[i] ?? 0;
      if ((columns.bad[i] ?? 0) === 0 || !inView(u, step)) continue;
      const x = u.valToPos(step, 'x', true);
      ctx.beginPath();
      ctx.moveTo(x - size, y - size);
      ctx.lineTo(x + size, y + size);
      ctx.moveTo(x + size, y - size);
      ctx.lineTo(x - size, y + size);
      ctx.stroke();
    }
  });
  ctx.restore();
}
