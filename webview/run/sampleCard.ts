/* One prompt of the list, with what was answered. All of it is text nodes, and what stays as it is is not touched. */
import type { PromptLook, ShownDraw, ShownPrompt } from '../../src/protocol/runPanel';
import { drawName, drawNames } from '../../src/samples/document';
import { h, setAttribute, setChildren, setText, smallButton } from '../parts/dom';
import { marked } from '../parts/marked';

/** What the whole list is about. */
export interface CardContext {
  readonly comparing: boolean;
  /** The references have no tokens of their own. */
  readonly tokens: boolean;
}

export class SampleCard {
  readonly element: HTMLElement;
  private readonly prompt = h('h3', { class: 'prompt-text' });
  private readonly targets = h('dl', { class: 'targets' });
  private readonly draws = h('ul', { class: 'draws' });
  private readonly diff: HTMLButtonElement;
  private readonly tokens: HTMLButtonElement;
  private shown = '';
  private shownTargets = '';
  private shownDraws: readonly string[] = [];

  constructor(readonly id: string, look: (look: PromptLook, promptId: string) => void) {
    const button = (label: string, what: PromptLook): HTMLButtonElement => smallButton('look', () => look(what, id), label);
    this.diff = button('Diff', 'diff');
    this.tokens = button('Tokens', 'tokens');
    this.element = h('div', { class: 'prompt', role: 'listitem', tabindex: 0, 'data-prompt': id },
      this.prompt, this.targets, this.draws, h('div', { class: 'looks' }, this.diff, button('Travel', 'travel'), this.tokens));
  }

  update(prompt: ShownPrompt, context: CardContext, place: number, total: number): void {
    setAttribute(this.element, 'aria-posinset', place + 1);
    setAttribute(this.element, 'aria-setsize', total);
    const key = JSON.stringify([prompt, context]);
    if (key === this.shown) return;
    this.shown = key;
    const news = prompt.changes.filter((change) => change !== 'same');
    setAttribute(this.element, 'aria-label', [prompt.prompt.slice(0, 200), ...news].join(', '));
    setText(this.prompt, prompt.prompt);
    const { comparing, tokens } = context;
    this.diff.hidden = !comparing;
    this.tokens.hidden = !tokens;
    this.updateTargets(prompt);
    // A draw that stays as it was keeps its element, and whatever is selected in it.
    const drawn = prompt.draws.map((draw) => JSON.stringify([draw, comparing]));
    setChildren(this.draws, prompt.draws.map((draw, at) => {
      const old = this.shownDraws[at] === drawn[at] ? this.draws.children[at] : undefined;
      return old ?? drawElement(draw, comparing);
    }));
    this.shownDraws = drawn;
  }

  private updateTargets({ references, teacher }: ShownPrompt): void {
    const targets = [...(references.length > 0 ? [['reference', references.join('  |  ')] as const] : []), ...(teacher === null ? [] : [['teacher', teacher === '' ? '(empty)' : teacher] as const])];
    const key = JSON.stringify(targets);
    if (key === this.shownTargets) return;
    this.shownTargets = key;
    this.targets.hidden = targets.length === 0;
    setChildren(this.targets, targets.map(([name, text]) => h('div', {}, h('dt', {}, name), h('dd', {}, text))));
  }
}

function drawElement({ draws, newer, older, change, pieces }: ShownDraw, comparing: boolean): HTMLElement {
  const exact = newer?.exact ?? null;
  const text = h('div', { class: 'draw-text' });
  if (newer === null) text.append(h('span', { class: 'quiet' }, 'not here'));
  else if (!comparing || older === null) text.append(newer.text === '' ? h('span', { class: 'quiet' }, '(empty)') : newer.text);
  else {
    text.append(...marked(older.text, newer.text, pieces));
    if (newer.text === '') text.append(h('span', { class: 'quiet' }, ' (empty)'));
  }
  return h('li', { class: `draw${change === null ? '' : ` change-${change}`}` },
    h('span', { class: 'draw-name', title: draws.length > 1 ? `Alike: ${draws.map(drawName).join(', ')}` : null }, drawNames(draws)),
    text,
    h('span', { class: 'draw-detail', title: newer?.detail ?? null },
      exact === null ? null : h('span', { class: exact ? 'exact' : 'visually-hidden' }, exact ? 'exact' : 'not exact'),
      newer?.brief ?? '',
      change === null || change === 'same' ? null : h('span', { class: `change change-word-${change}` }, change)));
}
