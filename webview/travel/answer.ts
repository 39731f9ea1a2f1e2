/* The answer at one moment, with what changed since the moment before marked. All of it is text nodes. */
import type { TravelMoment } from '../../src/protocol/timeTravel';
import { measuresOf } from '../../src/samples/measured';
import { h, setAttribute, setChildren, setText } from '../parts/dom';
import { marked } from '../parts/marked';

export class AnswerView {
  readonly element: HTMLElement;
  private shown = '';
  private readonly text = h('p', { class: 'answer-text' });
  private readonly label = h('span', { class: 'answer-step' });
  private readonly word = h('span', { class: 'answer-word' });
  private readonly facts = h('span', { class: 'quiet' });

  constructor() {
    this.element = h('section', { class: 'answer', 'aria-label': 'Answer' },
      h('p', { class: 'answer-head' }, this.label, this.word, this.facts), this.text);
  }

  update(moment: TravelMoment, before: TravelMoment | undefined): void {
    setText(this.label, `${moment.label}${moment.phase === '' ? '' : `, ${moment.phase}`}`);
    setText(this.word, moment.word);
    setAttribute(this.word, 'class', `answer-word${moment.right ? ' right' : ''}`);
    setText(this.facts, measuresOf(moment).join(' · '));
    // What is selected stays so while the run goes on.
    const key = JSON.stringify([before?.text ?? null, moment.text, before?.pieces, moment.pieces]);
    if (key === this.shown) return;
    this.shown = key;
    setChildren(this.text, answerNodes(moment, before));
  }
}

/** The answer, with what it changed of the one before. */
export function answerNodes(moment: TravelMoment, before: TravelMoment | undefined): Node[] {
  if (moment.text.trim() === '') return [h('span', { class: 'quiet' }, '(nothing)')];
  const pieces = before?.pieces && moment.pieces ? { older: before.pieces, newer: moment.pieces } : undefined;
  return marked(before?.text ?? moment.text, moment.text, pieces);
}

/** A moment for the ear. */
export function spokenMoment({ label, text, word }: TravelMoment): string {
  return `${label}: ${text.trim() === '' ? 'nothing' : text.slice(0, 200)}${word === '' ? '' : `. ${word}`}`;
}
