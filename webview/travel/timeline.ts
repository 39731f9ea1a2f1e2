/* Slider over the checkpoints, with score and KL under it. */
import { formatNumber, formatShare } from '../../src/present/numbers';
import type { TravelMoment, TravelState } from '../../src/protocol/timeTravel';
import { h, setAttribute, setChildren, setText, svg } from '../parts/dom';
import { spokenMoment } from './answer';
import { LEAST_SHARE, scaleOf } from './scale';

const WIDTH = 1000;
const HEIGHT = 44;
const INSET = 6;

export class Timeline {
  readonly element: HTMLElement;
  private readonly slider = h('input', { type: 'range', class: 'time', 'aria-label': 'Checkpoint', min: 0, step: 1 });
  private readonly score = new Spark();
  private readonly kl = new Spark();
  private readonly ends = [h('span', {}), h('span', {})] as const;

  constructor(go: (place: number) => void) {
    this.slider.addEventListener('input', () => go(Number(this.slider.value)));
    for (const spark of [this.score, this.kl]) spark.onPick(go);
    this.element = h('section', { class: 'timeline', 'aria-label': 'Time' },
      this.slider, h('div', { class: 'ends quiet', 'aria-hidden': 'true' }, ...this.ends), this.score.element, this.kl.element);
  }

  /** Then its value is spoken as it changes. */
  get hasFocus(): boolean {
    return document.activeElement === this.slider;
  }

  update(state: TravelState, place: number, pins: readonly string[]): void {
    const { moments } = state;
    const moment = moments[place];
    setAttribute(this.slider, 'max', Math.max(0, moments.length - 1));
    if (this.slider.value !== String(place)) this.slider.value = String(place);
    setAttribute(this.slider, 'aria-valuetext', moment ? spokenMoment(moment) : '');
    setText(this.ends[0], moments[0]?.label ?? '');
    setText(this.ends[1], moments.at(-1)?.label ?? '');
    this.score.update(state.scoreName, moments, moments.map(({ score }) => score), place, pins, formatShare, LEAST_SHARE);
    this.kl.update('KL, nats per token', moments, moments.map(({ kl }) => kl), place, pins, formatNumber, 0);
  }
}

/** A line over the moments, each a dot that can be clicked. What it says is said by slider and table, too: screen readers skip it. */
class Spark {
  readonly element: HTMLElement;
  private readonly name = h('span', { class: 'spark-name' });
  /** The line has no scale: its lowest and its highest value tell what the height stands for. */
  private readonly range = h('span', { class: 'spark-range quiet' });
  private readonly value = h('span', { class: 'spark-value' });
  private readonly picture = svg('svg', { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: 'none', class: 'spark', 'aria-hidden': 'true' });
  private count = 0;

  constructor() {
    this.element = h('div', { class: 'spark-row' }, h('p', { class: 'spark-head' }, this.name, this.range, this.value), this.picture);
  }

  onPick(go: (place: number) => void): void {
    this.picture.addEventListener('click', (event) => {
      const { left, width } = this.picture.getBoundingClientRect();
      if (this.count > 1) go(Math.round(((event.clientX - left) / width) * (this.count - 1)));
    });
  }

  update(
    name: string, moments: readonly TravelMoment[], values: readonly (number | null)[], place: number, pins: readonly string[],
    format: (value: number) => string, leastSpan: number,
  ): void {
    this.count = moments.length;
    const finite = values.filter((value): value is number => value !== null && Number.isFinite(value));
    this.element.hidden = finite.length === 0;
    setText(this.name, name);
    const now = values[place];
    setText(this.value, now === null || now === undefined ? '–' : format(now));
    const ends = [format(Math.min(...finite)), format(Math.max(...finite))] as const;
    setText(this.range, ends[0] === ends[1] ? '' : `from ${ends[0]} to ${ends[1]}`);
    const [low, high] = scaleOf(finite, leastSpan);
    const x = (at: number): number => (moments.length < 2 ? WIDTH / 2 : (at / (moments.length - 1)) * WIDTH);
    const y = (value: number): number => HEIGHT - INSET - (high > low ? (value - low) / (high - low) : 0.5) * (HEIGHT - 2 * INSET);
    const points = values.flatMap((value, at) => (value === null || !Number.isFinite(value) ? [] : [{ at, x: x(at), y: y(value) }]));
    const path = points.map((point, at) => `${at === 0 ? 'M' : 'L'}${point.x.toFixed(1)} ${point.y.toFixed(1)}`).join('');
    const line = svg('path', { d: path, class: 'spark-line' });
    const upright = (at: number, name: string): SVGElement => svg('line', { x1: x(at), x2: x(at), y1: 0, y2: HEIGHT, class: name });
    const marks = moments.flatMap(({ checkpoint }, at) => (pins.includes(checkpoint) ? [upright(at, 'spark-pin')] : []));
    // A stroke of no length with round ends is a dot that keeps its shape however the picture is stretched.
    const dots = points.map(({ at, ...point }) =>
      svg('path', { d: `M${point.x.toFixed(1)} ${point.y.toFixed(1)}h0`, class: dotClass(moments[at], at === place) }));
    setChildren(this.picture, [...marks, upright(place, 'spark-cursor'), line, ...dots]);
  }
}

const dotClass = (moment: TravelMoment | undefined, here: boolean): string => `spark-dot${moment?.right ? ' right' : ''}${here ? ' here' : ''}`;
