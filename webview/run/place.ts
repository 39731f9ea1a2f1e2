/* Where on the page one was. A page that is hidden behind an editor loses everything; the next one begins where it ended. */
import { type PageMemory, type PromptPlace, recall, remember } from '../parts/host';

/** The list of prompts. How high its rows are is known once they are drawn: a place in it is a prompt, not a number of pixels. */
interface PromptRows {
  /** The prompt at the upper edge of the window; undefined while the list has not reached that edge. */
  atEdge(): PromptPlace | undefined;
  /** Scrolls until the prompt stands there; false when it is not listed. */
  bring(place: PromptPlace): boolean;
}

export class PagePlace {
  /** Where to go, as long as that is not there yet: until then nothing is remembered, since the short page cannot be there either. */
  private target: PageMemory | undefined;

  constructor(private readonly dir: string, private readonly rows: PromptRows) {
    const left = recall();
    this.target = (left?.scroll ?? 0) > 0 ? left : undefined;
    window.addEventListener('scroll', () => this.keep(), { passive: true });
    // Who goes elsewhere meanwhile is not called back.
    for (const gesture of ['wheel', 'touchmove', 'pointerdown', 'keydown']) {
      window.addEventListener(gesture, () => (this.target = undefined), { passive: true, capture: true });
    }
  }

  /** The page is there but for its samples, or has none to come. */
  begin(samplesCome: boolean): void {
    requestAnimationFrame(() => requestAnimationFrame(() => {
      if (this.target) window.scrollTo(0, this.target.scroll);
      if (!samplesCome) this.target = undefined;
    }));
  }

  /** Samples have come. */
  arrive(): void {
    const { target } = this;
    this.target = undefined;
    if (!target || (target.prompt && this.rows.bring(target.prompt))) return;
    window.scrollTo(0, target.scroll);
  }

  private keep(): void {
    if (this.target) return;
    const prompt = this.rows.atEdge();
    remember({ dir: this.dir, scroll: window.scrollY, ...(prompt ? { prompt } : {}) });
  }
}
