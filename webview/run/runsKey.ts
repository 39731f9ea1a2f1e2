/* Which colour is which run, while other runs are laid over the charts. */
import { stateLook } from '../../src/present/labels';
import type { Overlay } from '../../src/protocol/runPanel';
import { swatch } from '../charts/legend';
import { runLook } from '../charts/lines';
import { h, setChildren, smallButton } from '../parts/dom';

export class RunsKey {
  readonly element = h('ul', { class: 'runs-key', 'aria-label': 'Runs in the charts' });
  private shown = '';
  private buttons = new Map<string, HTMLButtonElement>();

  /** `leave`: takes the focus where the last run that could be taken away has gone. */
  constructor(private readonly remove: (id: string) => void, private readonly leave: () => void) {}

  update(own: string, overlays: readonly Overlay[]): void {
    this.element.hidden = overlays.length === 0;
    // What changes with every step is no part of it: an item that is made anew loses the focus.
    const key = JSON.stringify([own, overlays.map((overlay) => ({ ...overlay, phases: undefined, range: undefined }))]);
    if (key === this.shown) return;
    this.shown = key;
    const before = [...this.buttons];
    const place = before.findIndex(([, button]) => button === document.activeElement);
    this.buttons = new Map();
    const itemOf = (run: number, name: string, words: string): HTMLLIElement =>
      h('li', { class: 'runs-key-item' }, swatch(runLook(run)), h('span', { class: 'runs-key-name', title: name }, name), h('span', { class: 'quiet' }, words));
    setChildren(this.element, [itemOf(0, own, 'this run'), ...overlays.map((overlay, index) => {
      const words = overlay.problem ?? [stateLook(overlay.state).label, ...overlay.differs, ...placeOf(overlay)].join(', ');
      const item = itemOf(index + 1, overlay.name, words);
      item.title = overlay.id;
      const remove = smallButton('runs-key-remove', () => this.remove(overlay.id), '×');
      remove.setAttribute('aria-label', `Take ${overlay.name} out of the charts`);
      remove.title = 'Take out of the charts';
      this.buttons.set(overlay.id, remove);
      item.append(remove);
      return item;
    })]);
    // Whoever takes one away with the keyboard goes on from there.
    if (place < 0) return;
    const after = this.buttons.get(before[place]?.[0] ?? '') ?? [...this.buttons.values()][Math.min(place, this.buttons.size - 1)];
    if (after) after.focus();
    else this.leave();
  }
}

/** Where it stands on the axis, if that is not where it counts from. */
function placeOf({ offset }: Overlay): string[] {
  if (offset === 0) return [];
  const steps = Math.abs(offset).toLocaleString('en');
  return [offset > 0 ? `begins at step ${steps}, where it was forked` : `its step ${steps} is this run's beginning`];
}
