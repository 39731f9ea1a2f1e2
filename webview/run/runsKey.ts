/* Which colour is which run, while other runs are laid over the charts. */
import { stateLook } from '../../src/present/labels';
import type { Overlay } from '../../src/protocol/runPanel';
import { swatch } from '../charts/legend';
import { linesOf } from '../charts/lines';
import { h, setChildren, smallButton } from '../parts/dom';

export class RunsKey {
  readonly element = h('ul', { class: 'runs-key', 'aria-label': 'Runs in the charts' });
  private shown = '';

  constructor(private readonly remove: (id: string) => void) {}

  update(own: string, overlays: readonly Overlay[]): void {
    this.element.hidden = overlays.length === 0;
    const key = JSON.stringify([own, overlays.map(({ id, name, state, problem }) => [id, name, state, problem])]);
    if (key === this.shown) return;
    this.shown = key;
    const looks = linesOf([''], [{ id: undefined, name: own, phases: [], end: 0 }, ...overlays.map(({ id, name }) => ({ id, name, phases: [], end: 0 }))])
      .sort((a, b) => a.run - b.run);
    setChildren(this.element, looks.map((look) => {
      const overlay = overlays[look.run - 1];
      const item = h('li', { class: 'runs-key-item' }, swatch(look), h('span', { class: 'runs-key-name' }, overlay?.name ?? own));
      if (!overlay) {
        item.append(h('span', { class: 'quiet' }, 'this run'));
        return item;
      }
      item.title = overlay.id;
      item.append(h('span', { class: 'quiet' }, overlay.problem ?? stateLook(overlay.state).label));
      const remove = smallButton('runs-key-remove', () => this.remove(overlay.id), '×');
      remove.setAttribute('aria-label', `Take ${overlay.name} out of the charts`);
      remove.title = 'Take out of the charts';
      item.append(remove);
      return item;
    }));
  }
}
