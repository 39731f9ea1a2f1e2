/* The answer at one moment, with what changed since the moment before marked. All of it is text nodes. */
import { formatNumber } from '../../src/present/numbers';
import type { TravelMoment } from '../../src/protocol/timeTravel';
import { diffText } from '../../src/samples/diff';
import { h, setAttribute, setChildren, setText } from '../parts/dom';

export class AnswerView {
  readonly element: HTMLElement;
  private shown = '';
  private readonly text = h('p', { class: 'answer-text' });
  private readonly label = h('span', { class: 'answer-step' });
  private readonly word = h('span', { class: 'answer-word' });
  private readonly facts = h('span', { class: 'quiet' });

  constructor() {
    this.element = h('section', { class: 'answer', 'aria-label': 'Answer', 'aria-live': 'polite' },
      h('p', { class: 'answer-head' }, this.label, this.word, this.facts), this.text);
  }

  update(moment: TravelMoment, before: TravelMoment | undefined): void {
    setText(this.label, `${moment.label}${moment.phase === '' ? '' : `, ${moment.phase}`}`);
    setText(this.word, moment.word);
    setAttribute(this.word, 'class', `answer-word${moment.right ? ' right' : ''}`);
    setText(this.facts, [...(moment.kl === null ? [] : [`KL ${formatNumber(moment.kl)}`]), moment.detail].join(' · '));
    // What is selected stays so while the run goes on.
    const key = JSON.stringify([before?.text ?? null, moment.text]);
    if (key === this.shown) return;
    this.shown = key;
    if (moment.text.trim() === '') setChildren(this.text, [h('span', { class: 'quiet' }, '(nothing)')]);
    else setChildren(this.text, marked(before?.text ?? moment.text, moment.text));
  }
}

/** The newer text, with what it replaced before each change. */
export function marked(older: string, newer: string): Node[] {
  return diffText(older, newer).parts.map(({ kind, text }) =>
    kind === 'same' ? document.createTextNode(text) : h(kind === 'added' ? 'ins' : 'del', {}, text));
}
