/* A list of hundreds of prompts: each is drawn when it comes near to what is in view. All of it is text nodes. */
import type { PromptLook, SamplesMessage, ShownDraw, ShownPrompt } from '../../src/protocol/runPanel';
import { diffText } from '../../src/samples/diff';
import { h, setChildren, smallButton } from '../parts/dom';
import { changeWords } from './sampleFilters';

/** Pixels above and below the window in which prompts are drawn already. */
const NEAR = 800;
/** So many are drawn at once: the editor's search finds them wherever they are. */
const FEW = 60;

export class SampleList {
  readonly element = h('div', { class: 'prompts', role: 'list', 'aria-label': 'Prompts: J and K go to the next and the previous one, D opens its diff' });
  private readonly waiting = new Map<Element, () => void>();
  private readonly observer: IntersectionObserver;

  constructor(private readonly look: (look: PromptLook, promptId: string) => void) {
    this.observer = new IntersectionObserver((entries) => {
      for (const { target, isIntersecting } of entries) if (isIntersecting) this.draw(target);
    }, { rootMargin: `${NEAR}px 0px` });
    this.element.addEventListener('keydown', (event) => this.onKey(event));
  }

  show(prompts: readonly ShownPrompt[], message: SamplesMessage): void {
    this.observer.disconnect();
    this.waiting.clear();
    const cards = prompts.map((prompt) => this.card(prompt, message));
    setChildren(this.element, cards);
    for (const [place, card] of cards.entries()) {
      if (place < FEW) this.draw(card);
      else this.observer.observe(card);
    }
  }

  private card(prompt: ShownPrompt, { against, checkpoint }: SamplesMessage): HTMLElement {
    const card = h('div', { class: 'prompt', role: 'listitem', tabindex: 0, 'data-prompt': prompt.id, 'aria-label': prompt.prompt.slice(0, 200) },
      h('h3', { class: 'prompt-text' }, prompt.prompt));
    this.waiting.set(card, () => {
      const targets: HTMLElement[] = [];
      if (prompt.references.length > 0) targets.push(h('div', {}, h('dt', {}, 'reference'), h('dd', {}, prompt.references.join('  |  '))));
      if (prompt.teacher !== null) targets.push(h('div', {}, h('dt', {}, 'teacher'), h('dd', {}, prompt.teacher)));
      const looks = h('div', { class: 'looks' },
        ...(against === null ? [] : [this.lookButton('Diff', 'diff', prompt.id)]), this.lookButton('Travel', 'travel', prompt.id),
        ...(checkpoint === 'reference' ? [] : [this.lookButton('Tokens', 'tokens', prompt.id)]));
      card.append(...[
        targets.length > 0 ? h('dl', { class: 'targets' }, ...targets) : null,
        h('ul', { class: 'draws' }, ...prompt.draws.map((draw) => renderDraw(draw, against !== null))), looks,
      ].filter((part) => part !== null));
    });
    return card;
  }

  private lookButton(label: string, look: PromptLook, promptId: string): HTMLButtonElement {
    return smallButton('look', () => this.look(look, promptId), label);
  }

  private draw(card: Element): void {
    this.observer.unobserve(card);
    this.waiting.get(card)?.();
    this.waiting.delete(card);
  }

  private onKey(event: KeyboardEvent): void {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const here = (event.target as Element | null)?.closest<HTMLElement>('.prompt');
    if (!here) return;
    if (event.key === 'd') this.look('diff', here.dataset['prompt'] ?? '');
    else if (event.key === 'j' || event.key === 'k') {
      const next = event.key === 'j' ? here.nextElementSibling : here.previousElementSibling;
      if (!(next instanceof HTMLElement)) return;
      next.focus({ preventScroll: true });
      next.scrollIntoView({ block: 'nearest' });
    } else return;
    event.preventDefault();
  }
}

function renderDraw({ draw, newer, older, change }: ShownDraw, comparing: boolean): HTMLElement {
  const exact = newer?.exact ?? null;
  const text = h('div', { class: 'draw-text' });
  if (newer === null) text.append(h('span', { class: 'quiet' }, 'not here'));
  else if (!comparing || older === null) text.append(newer.text === '' ? h('span', { class: 'quiet' }, '(empty)') : newer.text);
  else {
    for (const { kind, text: stretch } of diffText(older.text, newer.text).parts) {
      text.append(kind === 'same' ? stretch : h(kind === 'added' ? 'ins' : 'del', {}, stretch));
    }
  }
  return h('li', { class: `draw ${change === null ? '' : `change-${change}`}` },
    h('span', { class: 'draw-name' }, draw === 0 ? 'greedy' : `draw ${draw}`),
    text,
    h('span', { class: 'draw-detail', title: newer?.detail ?? null },
      exact === null ? null : h('span', { class: exact ? 'exact' : 'visually-hidden' }, exact ? 'exact' : 'not exact'),
      newer?.brief ?? '',
      change === null || change === 'same' ? null : h('span', { class: `change change-word-${change}` }, changeWords[change])));
}
