/* Every answer there ever was, as a table: the twin of slider and sparklines. */
import { formatNumber } from '../../src/present/numbers';
import type { TravelMoment, TravelState } from '../../src/protocol/timeTravel';
import { h, setAttribute, setChildren } from '../parts/dom';
import { answerNodes } from './answer';

interface Stay {
  readonly first: number;
  readonly last: number;
  readonly moment: TravelMoment;
}

/** Moments in a row that gave the same answer are one line. */
function staysOf(moments: readonly TravelMoment[]): Stay[] {
  const stays: Stay[] = [];
  for (const [place, moment] of moments.entries()) {
    const before = stays.at(-1);
    if (before?.moment.text === moment.text) stays[stays.length - 1] = { first: before.first, last: place, moment };
    else stays.push({ first: place, last: place, moment });
  }
  return stays;
}

export class HistoryView {
  readonly element: HTMLElement;
  private readonly body = h('tbody', {});
  private rows = new Map<string, HTMLElement>();

  constructor(private readonly go: (place: number) => void) {
    const head = ['steps', 'answer', 'score', 'KL', 'sequence KL', 'tokens'].map((title) => h('th', { scope: 'col', class: title === 'answer' ? 'text' : null }, title));
    this.element = h('section', { class: 'history', 'aria-labelledby': 'history-title' },
      h('h2', { id: 'history-title' }, 'All answers'), h('div', { class: 'table-scroll' }, h('table', {}, h('thead', {}, h('tr', {}, ...head)), this.body)));
  }

  update({ moments }: TravelState, place: number): void {
    const stays = staysOf(moments);
    // A row that says what it said stays, with the focus and whatever is selected in it.
    this.rows = new Map(stays.map((stay, at) => {
      const before = stays[at - 1];
      const key = JSON.stringify([stay, moments[stay.first], before?.moment]);
      return [key, this.rows.get(key) ?? this.row(stay, before, moments)];
    }));
    setChildren(this.body, [...this.rows.values()].reverse());
    for (const [at, row] of [...this.body.children].entries()) {
      const stay = stays[stays.length - 1 - at];
      setAttribute(row, 'aria-current', stay && stay.first <= place && place <= stay.last ? 'true' : null);
    }
  }

  private row({ first, last, moment }: Stay, before: Stay | undefined, moments: readonly TravelMoment[]): HTMLElement {
    const steps = first === last ? String(moment.step) : `${moments[first]?.step ?? ''}–${moment.step}`;
    const button = h('button', { type: 'button', class: 'jump', 'aria-label': `Go to step ${moments[first]?.step ?? ''}` }, steps);
    button.addEventListener('click', () => this.go(first));
    // Tokens are known where neighbours differ: at the two ends of a stay.
    const text = answerNodes(moments[first] ?? moment, before?.moment);
    const numbers = [...[moment.kl, moment.klSequence].map((kl) => (typeof kl === 'number' ? formatNumber(kl) : '')), String(moment.length)];
    return h('tr', {}, h('th', { scope: 'row' }, button), h('td', { class: 'text' }, ...text),
      h('td', { class: moment.right ? 'right' : null }, moment.word), ...numbers.map((number) => h('td', {}, number)));
  }
}
