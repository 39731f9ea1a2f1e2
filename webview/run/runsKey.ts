/* Which colour is which run, while other runs are laid over the charts. */
import { stateLook } from '../../src/present/labels';
import type { Overlay } from '../../src/protocol/runPanel';
import { swatch } from '../charts/legend';
import { runLook } from '../charts/lines';
import { h, setChildren, smallButton } from '../parts/dom';

export interface RunsKeyEvents {
  remove(id: string): void;
  /** Takes the focus where the last run that could be taken away has gone. */
  leave(): void;
  /** The lines of this run are to stand out, by its place among the runs; null for all alike. */
  emphasize(run: number | null): void;
}

const OWN = '';

export class RunsKey {
  readonly element = h('ul', { class: 'runs-key', 'aria-label': 'Runs in the charts' });
  private shown = '';
  private ids: readonly string[] = [];
  private readonly names = new Map<string, HTMLButtonElement>();
  private buttons = new Map<string, HTMLButtonElement>();

  /** The run whose lines stand out until another is chosen: its id, or `OWN`. */
  private kept: string | undefined;
  private pointed: string | undefined;

  constructor(private readonly events: RunsKeyEvents) {}

  update(own: string, overlays: readonly Overlay[]): void {
    this.element.hidden = overlays.length === 0;
    // What changes with every step is no part of it: an item that is made anew loses the focus.
    const key = JSON.stringify([own, overlays.map((overlay) => ({ ...overlay, phases: undefined, range: undefined }))]);
    if (key === this.shown) return;
    this.shown = key;
    const before = [...this.buttons];
    const place = before.findIndex(([, button]) => button === document.activeElement);
    this.buttons = new Map();
    const itemOf = (run: number, id: string, name: string, words: string): HTMLLIElement => {
      const show = smallButton('runs-key-name', () => this.keep(id), name);
      show.title = `${name}\nPoint here to see its lines alone; press to keep it so.`;
      const item = h('li', { class: 'runs-key-item' }, swatch(runLook(run)), show, h('span', { class: 'quiet' }, words));
      for (const [event, pointed] of [['mouseenter', id], ['focusin', id], ['mouseleave', undefined], ['focusout', undefined]] as const) {
        item.addEventListener(event, () => this.point(pointed));
      }
      this.names.set(id, show);
      return item;
    };
    this.ids = [OWN, ...overlays.map(({ id }) => id)];
    this.names.clear();
    // What was pointed at has been made anew: no event says that it is left.
    this.pointed = undefined;
    setChildren(this.element, [itemOf(0, OWN, own, 'this run'), ...overlays.map((overlay, index) => {
      const words = overlay.problem ?? [stateLook(overlay.state).label, ...overlay.differs, ...placeOf(overlay)].join(', ');
      const item = itemOf(index + 1, overlay.id, overlay.name, words);
      item.title = overlay.id;
      const remove = smallButton('runs-key-remove', () => this.events.remove(overlay.id), '×');
      remove.setAttribute('aria-label', `Take ${overlay.name} out of the charts`);
      remove.title = 'Take out of the charts';
      this.buttons.set(overlay.id, remove);
      item.append(remove);
      return item;
    })]);
    this.tell();
    // Whoever takes one away with the keyboard goes on from there.
    if (place < 0) return;
    const after = this.buttons.get(before[place]?.[0] ?? '') ?? [...this.buttons.values()][Math.min(place, this.buttons.size - 1)];
    if (after) after.focus();
    else this.events.leave();
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
    for (const [id, show] of this.names) show.setAttribute('aria-pressed', String(id === this.kept));
    const place = this.ids.indexOf(this.pointed ?? this.kept ?? '-');
    this.events.emphasize(place < 0 ? null : place);
  }
}

/** Where it stands on the axis, if that is not where it counts from. */
function placeOf({ offset }: Overlay): string[] {
  if (offset === 0) return [];
  const steps = Math.abs(offset).toLocaleString('en');
  return [offset > 0 ? `begins at step ${steps}, where it was forked` : `its step ${steps} is this run's beginning`];
}
