/* A way to a moment that stands out; where no moment does, the words for that. */
import { h, setAttribute, setChildren, setText } from '../parts/dom';

export class Jump {
  readonly element = h('span', {});
  private readonly button = h('button', { type: 'button', class: 'jump' });
  private readonly nowhere: HTMLElement;
  private to: number | null = null;

  constructor(private readonly label: string, nowhere: string, go: (place: number) => void) {
    this.nowhere = h('span', { class: 'quiet' }, nowhere);
    this.button.addEventListener('click', () => this.to !== null && go(this.to));
  }

  /** The button stays: whoever has come by it has the focus there, while the run goes on. */
  update(to: number | null, moment: string, place: number): void {
    this.to = to;
    setText(this.button, `${this.label} ${moment}`);
    setAttribute(this.button, 'aria-current', to === place ? 'true' : null);
    setChildren(this.element, [to === null ? this.nowhere : this.button]);
  }
}
