/* What the page knows, where in time it stands, and how one gets from there to elsewhere. */
import type { TravelMessage, TravelMoment, TravelState, TravelView } from '../../src/protocol/timeTravel';
import { h, setAttribute, setChildren, setText } from '../parts/dom';
import { rememberTravel, sendTravel } from '../parts/host';
import { button, dropdown } from '../parts/toolkit';
import { AnswerView, spokenMoment } from './answer';
import { HistoryView } from './history';
import { Jump } from './jump';
import { Timeline } from './timeline';

/** Milliseconds that a moment is shown while time plays. */
const BEAT = 900;

export class TravelApp {
  private state: TravelState | undefined;
  private view: TravelView | undefined;
  private playing = 0;

  private readonly heading = h('h1', {});
  /** Where to find it in the user's file: the id of a prompt that is called by its words. */
  private readonly row = h('span', { class: 'quiet row-id' });
  private readonly prompt = h('p', { class: 'prompt-text' });
  private readonly facts = h('dl', { class: 'targets' });
  private shownTargets = '';
  private readonly prompts = dropdown('Prompt', (promptId) => this.change({ promptId, pins: [] }));
  private readonly draws = dropdown('Draw', (draw) => this.change({ draw: Number(draw) }));
  private readonly answer = new AnswerView();
  private readonly timeline = new Timeline((place) => this.go(place));
  /** Speaks where the slider does not: by play, by a click, by the run itself. */
  private readonly said = h('p', { class: 'visually-hidden', role: 'status' });
  private readonly firstChanged = new Jump('first changed at', 'never changed', (place) => this.go(place));
  private readonly firstRight = new Jump('first right at', 'never right', (place) => this.go(place));
  private readonly settled = new Jump('unchanged since', '', (place) => this.go(place));
  private readonly leftOut = h('span', { class: 'quiet' });
  private readonly play = button('Play', () => this.togglePlay(), 'primary');
  private readonly pin = button('Pin', () => this.togglePin());
  private readonly tokens = button('Tokens', () => this.moment && sendTravel({ type: 'tokens', checkpoint: this.moment.checkpoint }));
  private readonly pins = h('div', { class: 'pins' });
  private readonly diff = button('Diff the two', () => this.openDiff());
  private readonly history = new HistoryView((place) => this.go(place));
  private readonly problem = h('p', { class: 'empty' });
  private readonly content: HTMLElement;

  constructor(private readonly root: HTMLElement) {
    const tools = h('div', { class: 'tools' }, this.play.element, this.pin.element, this.tokens.element, this.pins, this.diff.element);
    const jumps = h('div', { class: 'jumps' }, this.firstChanged.element, this.firstRight.element, this.settled.element, this.leftOut);
    this.content = h('div', { class: 'content' },
      this.answer.element, this.said, this.timeline.element, h('div', { class: 'below' }, tools, jumps), this.history.element);
    const head = h('header', { class: 'head' },
      h('div', { class: 'head-row' }, h('div', { class: 'title' }, this.heading, this.row), h('div', { class: 'choices' }, this.prompts.element, this.draws.element)), this.prompt, this.facts);
    setChildren(root, [head, h('main', {}, this.problem, this.content)]);
    root.hidden = true;
    document.addEventListener('keydown', (event) => this.onKey(event));
  }

  receive({ state, view }: TravelMessage): void {
    this.state = state;
    this.view = view;
    rememberTravel(view);
    this.root.hidden = false;
    document.getElementById('loading')?.remove();
    this.render();
  }

  /** Where in time the page stands; the newest moment unless another was chosen. */
  private get place(): number {
    const { state, view } = this;
    if (!state) return -1;
    const at = state.moments.findIndex(({ checkpoint }) => checkpoint === view?.checkpoint);
    return at < 0 ? state.moments.length - 1 : at;
  }

  private get moment(): TravelMoment | undefined {
    return this.state?.moments[this.place];
  }

  private change(change: Partial<TravelView>): void {
    if (!this.view) return;
    this.view = { ...this.view, ...change };
    rememberTravel(this.view);
    sendTravel({ type: 'view', view: this.view });
    this.render();
  }

  private go(place: number): void {
    const { state } = this;
    if (!state) return;
    const last = state.moments.length - 1;
    const to = Math.max(0, Math.min(last, place));
    // At the end one stays with the run.
    this.change({ checkpoint: to === last && state.active ? null : (state.moments[to]?.checkpoint ?? null) });
  }

  private onKey(event: KeyboardEvent): void {
    if (event.defaultPrevented || event.altKey || event.ctrlKey || event.metaKey) return;
    // Lists and buttons have uses of their own for these keys; the slider's arrows mean the same as the page's.
    const target = event.target as Element | null;
    if (target?.closest('vscode-dropdown') || (event.key === ' ' && target?.closest('button, vscode-button'))) return;
    const places: Readonly<Record<string, number>> = { ArrowLeft: this.place - 1, ArrowRight: this.place + 1, Home: 0, End: Infinity };
    const place = places[event.key];
    if (place !== undefined) {
      this.stop();
      this.go(place);
    } else if (event.key === ' ') this.togglePlay();
    else if (event.key === 'p') this.togglePin();
    else return;
    event.preventDefault();
  }

  private togglePlay(): void {
    if (this.playing !== 0) {
      this.stop();
      return;
    }
    const last = (this.state?.moments.length ?? 0) - 1;
    if (this.place >= last) this.go(0);
    this.playing = window.setInterval(() => {
      this.go(this.place + 1);
      if (this.place >= last) this.stop();
    }, BEAT);
    this.renderPlay();
  }

  private stop(): void {
    clearInterval(this.playing);
    this.playing = 0;
    this.renderPlay();
  }

  private togglePin(): void {
    const { moment, view } = this;
    if (!moment || !view) return;
    const others = view.pins.filter((pin) => pin !== moment.checkpoint);
    this.change({ pins: others.length < view.pins.length ? others : [...others, moment.checkpoint].slice(-2) });
  }

  private openDiff(): void {
    const [from, to] = [...(this.view?.pins ?? [])].sort();
    if (from !== undefined && to !== undefined) sendTravel({ type: 'diff', from, to });
  }

  private render(): void {
    const { state, view } = this;
    if (!state || !view) return;
    setText(this.heading, state.label);
    setText(this.row, state.label === state.promptId ? '' : state.promptId);
    setText(this.prompt, state.prompt);
    // A prompt of one line stands in the heading.
    this.prompt.hidden = state.prompt === state.label;
    this.prompts.set(state.prompts.map(({ id, label }) => ({ value: id, label })), state.promptId);
    this.draws.set(state.draws.map((draw) => ({ value: String(draw), label: draw === 0 ? 'greedy' : `draw ${draw}` })), String(state.draw));
    this.draws.element.hidden = state.draws.length < 2;
    const targets = [
      ...state.references.map((text) => ['reference', text] as const), ...(state.teacher === null ? [] : [['teacher', state.teacher] as const]),
    ];
    const key = JSON.stringify(targets);
    if (key !== this.shownTargets) setChildren(this.facts, targets.map(([label, text]) => h('div', {}, h('dt', {}, label), h('dd', {}, text))));
    this.shownTargets = key;
    this.problem.hidden = state.problem === null;
    setText(this.problem, state.problem ?? '');
    this.content.hidden = state.moments.length === 0;
    const { place, moment } = this;
    if (!moment) return;
    this.answer.update(moment, state.moments[place - 1]);
    this.timeline.update(state, place, view.pins);
    setText(this.said, this.timeline.hasFocus ? '' : spokenMoment(moment));
    this.renderJumps(state, place);
    this.renderPins(state, view, moment);
    this.history.update(state, place);
    this.renderPlay();
    setAttribute(this.root, 'data-place', place);
    setAttribute(this.root, 'data-moments', state.moments.length);
  }

  private renderPlay(): void {
    setText(this.play.element, this.playing === 0 ? 'Play' : 'Pause');
    this.play.setReason((this.state?.moments.length ?? 0) < 2 ? 'There is only one checkpoint with samples so far.' : null);
  }

  private renderJumps({ firstChanged, firstRight, settled, moments, discarded }: TravelState, place: number): void {
    for (const [jump, to] of [[this.firstChanged, firstChanged], [this.firstRight, firstRight], [this.settled, settled]] as const) {
      jump.update(to, to === null ? '' : (moments[to]?.label ?? ''), place);
    }
    this.settled.element.hidden = settled === null;
    this.leftOut.hidden = discarded === 0;
    setText(this.leftOut, `${discarded} checkpoint${discarded === 1 ? '' : 's'} of a discarded branch left out`);
  }

  private renderPins({ moments }: TravelState, { pins }: TravelView, moment: TravelMoment): void {
    setText(this.pin.element, pins.includes(moment.checkpoint) ? 'Unpin' : 'Pin');
    const labels = pins.map((pin) => moments.find(({ checkpoint }) => checkpoint === pin)?.label ?? pin);
    setChildren(this.pins, labels.length === 0 ? [] : [h('span', { class: 'quiet' }, `pinned: ${[...labels].join(', ')}`)]);
    this.diff.setReason(pins.length === 2 ? null : 'Pin two moments first.');
  }
}
