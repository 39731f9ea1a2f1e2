/* Which colour is which run, while other runs are laid over the charts. */
import { stateLook } from '../../src/present/labels';
import type { Overlay } from '../../src/protocol/runPanel';
import { swatch } from '../charts/legend';
import { runLook } from '../charts/lines';
import { h, setChildren, smallButton } from '../parts/dom';

export class RunsKey {
  readonly element = h('ul', { class: 'runs-key', 'aria-label': 'Runs in the charts' });
  private shown = '';

  constructor(private readonly remove: (id: string) => void) {}

  update(own: string, overlays: readonly Overlay[]): void {
    this.element.hidden = overlays.length === 0;
    const key = JSON.stringify([own, overlays.map(({ id, name, state, problem, differs }) => [id, name, state, problem, differs])]);
    if (key === this.shown) return;
    this.shown = key;
    const itemOf = (run: number, name: string, words: string): HTMLLIElement =>
      h('li', { class: 'runs-key-item' }, swatch(runLook(run)), h('span', { class: 'runs-key-name' }, name), h('span', { class: 'quiet' }, words));
    setChildren(this.element, [itemOf(0, own, 'this run'), ...overlays.map((overlay, index) => {
      const words = overlay.problem ?? [stateLook(overlay.state).label, ...overlay.differs].join(', ');
      const item = itemOf(index + 1, overlay.name, words);
      item.title = overlay.id;
      const remove = smallButton('runs-key-remove', () => this.remove(overlay.id), '×');
      remove.setAttribute('aria-label', `Take ${overlay.name} out of the charts`);
      remove.title = 'Take out of the charts';
      item.append(remove);
      return item;
    })]);
  }
}
