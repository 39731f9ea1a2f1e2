/* Which colour is which run, while other runs are laid over the charts. */
import { stateLook } from '../../src/present/labels';
import type { Overlay } from '../../src/protocol/runPanel';
import { swatch } from '../charts/legend';
import { runLook } from '../charts/lines';
import { h, setAttribute, setChildren, setText, smallButton } from '../parts/dom';

export interface RunsKeyEvents {
  remove(id: string): void;
  /** Takes the focus where the last run that could be taken away has gone. */
  leave(): void;
  /** The lines of this run are to stand out, by its place among the runs; null for all alike. */
  emphasize(run: number | null): void;
}

/** Stands for the id of the page's own run. */
const OWN = '';

interface Item {
  readonly element: HTMLLIElement;
  readonly look: HTMLElement;
  readonly name: HTMLButtonElement;
  readonly words: HTMLElement;
  /** The page's own run has none. */
  readonly remove: HTMLButtonElement | undefined;
}

export class RunsKey {
  readonly element = h('ul', { class: 'runs-key', 'aria-label': 'Runs in the charts' });
  /** By the ids of runs, in their order. An item stays as long as its run does: one that is made anew loses the focus. */
  private items = new Map<string, Item>();
  /** The run whose lines stand out until another is chosen. */
  private kept: string | undefined;
  private pointed: string | undefined;

  constructor(private readonly events: RunsKeyEvents) {}

  update(own: string, overlays: readonly Overlay[]): void {
    this.element.hidden = overlays.length === 0;
    const left = [...this.items.values()].findIndex(({ remove }) => remove !== undefined && remove === document.activeElement);
    const shown = [
      { id: OWN, name: own, words: 'this run' },
      ...overlays.map((overlay) => ({ id: overlay.id, name: overlay.name, words: wordsOf(overlay) })),
    ];
    this.items = new Map(shown.map(({ id, name, words }, run) => {
      const item = this.items.get(id) ?? this.make(id);
      this.fill(item, run, name, words);
      return [id, item];
    }));
    const items = [...this.items.values()];
    setChildren(this.element, items.map(({ element }) => element));
    this.tell();
    if (left < 0 || items.some(({ remove }) => remove === document.activeElement)) return;
    // Whoever takes one away with the keyboard goes on from there.
    const next = items[Math.min(left, items.length - 1)]?.remove;
    if (next) next.focus();
    else this.events.leave();
  }

  private make(id: string): Item {
    const [look, words] = [h('span', { class: 'runs-key-look' }), h('span', { class: 'quiet' })];
    const name = smallButton('runs-key-name', () => this.keep(id));
    const remove = id === OWN ? undefined : smallButton('runs-key-remove', () => this.events.remove(id), '×');
    if (remove) remove.title = 'Take out of the charts';
    const element = h('li', { class: 'runs-key-item', title: id === OWN ? null : id }, look, name, words, remove);
    for (const [event, pointed] of [['mouseenter', id], ['focusin', id], ['mouseleave', undefined], ['focusout', undefined]] as const) {
      element.addEventListener(event, () => this.point(pointed));
    }
    return { element, look, name, words, remove };
  }

  private fill({ look, name, words, remove }: Item, run: number, called: string, said: string): void {
    if (look.dataset['run'] !== String(run)) {
      look.dataset['run'] = String(run);
      setChildren(look, [swatch(runLook(run))]);
    }
    setText(name, called);
    setAttribute(name, 'title', `${called}\nPoint here to see its lines alone; press to keep it so.`);
    setText(words, said);
    if (remove) setAttribute(remove, 'aria-label', `Take ${called} out of the charts`);
  }

  private keep(id: string): void {
    this.kept = this.kept === id ? undefined : id;
    this.tell();
  }

  private point(id: string | undefined): void {
    this.pointed = id;
    this.tell();
  }

  private tell(): void {
    for (const [id, { name }] of this.items) setAttribute(name, 'aria-pressed', String(id === this.kept));
    const ids = [...this.items.keys()];
    const place = [this.pointed, this.kept].map((id) => (id === undefined ? -1 : ids.indexOf(id))).find((at) => at >= 0);
    this.events.emphasize(place ?? null);
  }
}

function wordsOf({ problem, state, differs, offset }: Overlay): string {
  if (problem !== null) return problem;
  return [stateLook(state).label, ...differs, ...(offset === 0 ? [] : [placeOf(offset)])].join(', ');
}

/** Where a run stands on the axis that is not where it counts from. */
function placeOf(offset: number): string {
  const steps = Math.abs(offset).toLocaleString('en');
  return offset > 0 ? `begins at step ${steps}, where it was forked` : `its step ${steps} is this run's beginning`;
}
