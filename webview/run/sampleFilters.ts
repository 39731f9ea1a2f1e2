/* Which prompts of a long list are shown: by what became of them, and by what they hold. */
import type { ShownPrompt } from '../../src/protocol/runPanel';
import { type Change, changes } from '../../src/samples/change';
import { holds, type ListOrder, onlyChanged, sortListed } from '../../src/samples/list';
import { h, setAttribute, setText, smallButton } from '../parts/dom';

function textsOf({ id, prompt, references, teacher, draws }: ShownPrompt): string[] {
  return [id, prompt, ...references, teacher ?? '', ...draws.flatMap(({ newer, older }) => [newer?.text ?? '', older?.text ?? ''])];
}

export interface FilterEvents {
  choose(filter: Change | null): void;
  search(text: string): void;
}

export class SampleFilters {
  readonly element: HTMLElement;
  private readonly all: HTMLButtonElement;
  private readonly buttons: ReadonlyMap<Change, HTMLButtonElement>;
  private readonly kinds: HTMLElement;
  private readonly search = h('input', { type: 'search', class: 'search', placeholder: 'contains…', 'aria-label': 'Only prompts that contain', spellcheck: 'false' });
  private chosen: Change | null = null;

  constructor(events: FilterEvents) {
    this.all = smallButton('tool filter', () => events.choose(null), '');
    this.buttons = new Map(changes.map((change) => [change, smallButton('tool filter', () => events.choose(change === this.chosen ? null : change), '')]));
    this.kinds = h('div', { class: 'filters', role: 'group', 'aria-label': 'Only prompts that are' }, this.all, ...this.buttons.values());
    this.element = h('div', { class: 'filter-row' }, this.kinds, this.search);
    this.search.addEventListener('input', () => events.search(this.search.value));
  }

  /** The prompts to show, in their order; the buttons say how many there are of each kind. */
  apply(prompts: readonly ShownPrompt[], filter: Change | null, text: string, order: ListOrder, comparing: boolean): ShownPrompt[] {
    this.element.hidden = prompts.length === 0;
    this.kinds.hidden = !comparing;
    this.chosen = filter;
    if (this.search.value !== text) this.search.value = text;
    const found = prompts.filter((prompt) => holds(textsOf(prompt), text));
    setText(this.all, `all ${found.length}`);
    setAttribute(this.all, 'aria-pressed', filter === null);
    for (const [change, element] of this.buttons) {
      const count = onlyChanged(found, [change]).length;
      setText(element, `${change} ${count}`);
      setAttribute(element, 'aria-pressed', filter === change);
      element.hidden = count === 0 && filter !== change;
    }
    return sortListed(onlyChanged(found, filter === null ? null : [filter]), order);
  }
}
