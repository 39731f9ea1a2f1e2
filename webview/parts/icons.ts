/* Signs for a run's states: a shape each, so that colour is not the only difference. */
import type { RunState } from '../../src/contract/runState';
import { svg } from './dom';

const line = (d: string): SVGElement => svg('path', { d, fill: 'none', stroke: 'currentColor', 'stroke-width': 1.5, 'stroke-linecap': 'round', 'stroke-linejoin': 'round' });
const solid = (d: string): SVGElement => svg('path', { d, fill: 'currentColor' });
const ring = (): SVGElement => svg('circle', { cx: 8, cy: 8, r: 6, fill: 'none', stroke: 'currentColor', 'stroke-width': 1.5 });
const disc = (): SVGElement => svg('circle', { cx: 8, cy: 8, r: 7, fill: 'currentColor' });
const cut = (d: string): SVGElement => svg('path', { d, fill: 'none', class: 'cut', 'stroke-width': 1.6, 'stroke-linecap': 'round', 'stroke-linejoin': 'round' });
const turning = (): SVGElement => svg('path', { d: 'M8 2a6 6 0 1 1-5.2 3', fill: 'none', stroke: 'currentColor', 'stroke-width': 1.6, 'stroke-linecap': 'round', class: 'spin' });

const shapes: Readonly<Record<RunState, () => SVGElement[]>> = {
  queued: () => [ring(), line('M8 5v3.2l2 1.4')],
  starting: () => [turning()],
  running: () => [turning()],
  paused: () => [solid('M4.5 3h2.4v10H4.5zM9.1 3h2.4v10H9.1z')],
  stopping: () => [turning()],
  stalled: () => [line('M8 2.2 14.2 13H1.8zM8 6.5v3'), solid('M7.25 10.6h1.5v1.3h-1.5z')],
  finished: () => [disc(), cut('M4.8 8.2l2.2 2.2 4.2-4.6')],
  failed: () => [disc(), cut('M5.6 5.6l4.8 4.8M10.4 5.6l-4.8 4.8')],
  stopped: () => [ring(), solid('M5.7 5.7h4.6v4.6H5.7z')],
  lost: () => [ring(), line('M6.2 6.4c0-2.3 3.6-2.3 3.6 0 0 1.4-1.8 1.4-1.8 2.6'), solid('M7.3 10.4h1.4v1.3H7.3z')],
  unknown: () => [ring(), line('M6.2 6.4c0-2.3 3.6-2.3 3.6 0 0 1.4-1.8 1.4-1.8 2.6'), solid('M7.3 10.4h1.4v1.3H7.3z')],
};

export function stateIcon(state: RunState): SVGElement {
  return svg('svg', { viewBox: '0 0 16 16', width: 16, height: 16, 'aria-hidden': 'true', class: 'state-icon' }, ...shapes[state]());
}
