/* A list of hundreds of prompts, of which only those near to what is in view are there. */
import type { PromptLook, SamplesMessage, ShownPrompt } from '../../src/protocol/runPanel';
import { h, setChildren } from '../parts/dom';
import type { PromptPlace } from '../parts/host';
import { RowHeights, runsOf } from '../parts/rows';
import { SampleCard } from './sampleCard';

/** Pixels above and below the window in which prompts are drawn already. */
const NEAR = 600;
/** So many are drawn wherever they are: the editor's search finds them. */
const FEW = 60;
/** Of the style sheet: the least width of a column, the space between columns, and that between rows. */
const COLUMN = 460;
const COLUMN_GAP = 28;
const ROW_GAP = 16;
/** Times that a place is corrected at most: at the end of the page there is none further down. */
const MOST_LOOKS = 6;

/**
 * Prompts in rows of as many as there is room for. What is not drawn is an empty stretch of the same height, in the page's own flow:
 * so the browser keeps what is in view in its place whatever grows or shrinks above it. The prompt that has the focus, and one in
 * which text is selected, stay drawn when they are scrolled away.
 */
export class SampleList {
  readonly element = h('div', { class: 'prompts', role: 'list', 'aria-label': 'Prompts: J and K go to the next and the previous one, D opens its diff' });
  private readonly heights = new RowHeights(ROW_GAP);
  /** One before each of at most five runs of rows (those in view and four that are held), and one after the last. */
  private readonly stretches = Array.from({ length: 6 }, () => h('div', { class: 'stretch', role: 'presentation' }));
  private cards = new Map<string, SampleCard>();
  private prompts: readonly ShownPrompt[] = [];
  private rows: readonly string[] = [];
  private places = new Map<string, number>();
  private columns = 1;
  private width = 0;
  private message: SamplesMessage | undefined;
  /** Prompt that is gone to though it is not drawn yet. */
  private wanted: string | undefined;
  private frame = 0;

  constructor(private readonly look: (look: PromptLook, promptId: string) => void) {
    this.element.addEventListener('keydown', (event) => this.onKey(event));
    window.addEventListener('scroll', () => this.soon(), { passive: true });
    window.addEventListener('resize', () => this.soon());
    // What stands above it grows, and it becomes narrower when a side bar opens.
    const observer = new ResizeObserver(() => this.soon());
    observer.observe(document.body);
    observer.observe(this.element);
  }

  show(prompts: readonly ShownPrompt[], message: SamplesMessage): void {
    this.prompts = prompts;
    this.message = message;
    this.lines();
    this.render();
  }

  /** The prompt at the upper edge of the window; undefined while the list has not reached that edge. */
  atEdge(): PromptPlace | undefined {
    // Who has just scrolled far sees none of what is drawn.
    this.draw();
    if (this.element.getBoundingClientRect().top >= 0) return undefined;
    for (const [id, { element }] of this.cards) {
      const { top, bottom } = element.getBoundingClientRect();
      if (bottom > 0) return { id, top };
    }
    return undefined;
  }

  /** Scrolls until the prompt stands there; false when it is not listed. */
  bring({ id, top }: PromptPlace): boolean {
    if (!this.places.has(id)) return false;
    this.fit();
    this.wanted = id;
    // Rows above turn out higher or lower than was thought once they are drawn: after a few looks none is new.
    for (let look = 0; look < MOST_LOOKS; look++) {
      this.render();
      const off = (this.cards.get(id)?.element.getBoundingClientRect().top ?? top) - top;
      if (Math.abs(off) < 1) break;
      window.scrollBy(0, off);
    }
    this.wanted = undefined;
    return true;
  }

  private soon(): void {
    if (this.frame !== 0) return;
    this.frame = requestAnimationFrame(() => this.draw());
  }

  /** What is due, if anything is. */
  private draw(): void {
    if (this.frame === 0) return;
    cancelAnimationFrame(this.frame);
    this.frame = 0;
    this.fit();
    this.render();
  }

  private fit(): void {
    const width = this.element.clientWidth;
    if (width === 0 || width === this.width) return;
    this.width = width;
    this.heights.forget();
    this.lines();
  }

  /** Lays prompts out in rows; a row is known by its first prompt. */
  private lines(): void {
    this.columns = Math.max(1, Math.floor((this.element.clientWidth + COLUMN_GAP) / (COLUMN + COLUMN_GAP)));
    this.places = new Map(this.prompts.map(({ id }, place) => [id, place]));
    this.rows = Array.from({ length: Math.ceil(this.prompts.length / this.columns) }, (_, row) => this.prompts[row * this.columns]?.id ?? '');
  }

  private rowsToDraw(): (readonly [number, number])[] {
    if (this.rows.length === 0) return [];
    if (this.prompts.length <= FEW) return [[0, this.rows.length - 1]];
    const { top } = this.element.getBoundingClientRect();
    const [first, last] = this.heights.range(this.rows, -top - NEAR, window.innerHeight - top + NEAR);
    const selection = getSelection();
    const held = [this.wanted, ...[document.activeElement, selection?.anchorNode, selection?.focusNode].map((node) => this.cardAt(node))];
    const rows = held.flatMap((id) => this.places.get(id ?? '') ?? []).map((place) => Math.floor(place / this.columns));
    return runsOf([...Array.from({ length: last - first + 1 }, (_, at) => first + at), ...rows]);
  }

  private cardAt(node: Node | null | undefined): string | undefined {
    const element = node instanceof Element ? node : node?.parentElement;
    const card = element?.closest<HTMLElement>('.prompt');
    return card && this.element.contains(card) ? card.dataset['prompt'] : undefined;
  }

  private render(): void {
    const { message } = this;
    if (!message) return;
    const context = { comparing: message.against !== null, tokens: message.checkpoint !== 'reference' };
    const drawn = new Map<string, SampleCard>();
    const children: HTMLElement[] = [];
    const firsts: [key: string, card: SampleCard][] = [];
    let next = 0;
    for (const [at, [first, last]] of this.rowsToDraw().entries()) {
      children.push(...this.emptyStretch(at, next, first));
      for (let place = first * this.columns; place < Math.min(this.prompts.length, (last + 1) * this.columns); place++) {
        const prompt = this.prompts[place];
        if (!prompt) continue;
        const card = this.cards.get(prompt.id) ?? new SampleCard(prompt.id, this.look);
        card.update(prompt, context, place, this.prompts.length);
        drawn.set(prompt.id, card);
        children.push(card.element);
        if (place % this.columns === 0) firsts.push([prompt.id, card]);
      }
      next = last + 1;
    }
    children.push(...this.emptyStretch(this.stretches.length - 1, next, this.rows.length));
    setChildren(this.element, children);
    this.cards = drawn;
    // All prompts of a row are as high as its highest.
    for (const [key, { element }] of firsts) {
      const { height } = element.getBoundingClientRect();
      if (height > 0) this.heights.measured(key, height);
    }
  }

  private emptyStretch(which: number, first: number, end: number): HTMLElement[] {
    const stretch = this.stretches[which];
    if (end <= first || !stretch) return [];
    stretch.style.height = `${this.heights.stretch(this.rows, first, end)}px`;
    return [stretch];
  }

  private onKey(event: KeyboardEvent): void {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const here = this.cardAt(event.target as Element | null);
    const place = this.places.get(here ?? '');
    if (here === undefined || place === undefined) return;
    const onCard = event.target instanceof HTMLElement && event.target.dataset['prompt'] === here;
    if (event.key === 'd') this.look('diff', here);
    else if (event.key === 'j') this.go(place + 1);
    else if (event.key === 'k') this.go(place - 1);
    else if (event.key === 'Home' && onCard) this.go(0);
    else if (event.key === 'End' && onCard) this.go(this.prompts.length - 1);
    else return;
    event.preventDefault();
  }

  private go(place: number): void {
    const prompt = this.prompts[place];
    if (!prompt) return;
    this.wanted = prompt.id;
    this.render();
    this.wanted = undefined;
    const element = this.cards.get(prompt.id)?.element;
    element?.focus({ preventScroll: true });
    element?.scrollIntoView({ block: 'nearest' });
  }
}
