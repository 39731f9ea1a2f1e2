// What a window paints, frame by frame: what is gone for a single frame flickers, and no later look would tell.
import type { Page } from 'playwright-core';

export interface Painted {
  /** Each line of a diff with its place on the screen, what is marked and what is selected of it. */
  readonly diff: readonly string[];
  /** What stands after lines. */
  readonly answers: readonly string[];
  readonly lenses: readonly string[];
}

interface Watching {
  painted?: Painted[];
}

/** Keeps from now on what each frame shows of these, as often as it is another than before. */
export async function watchPainting(page: Page): Promise<() => Promise<Painted[]>> {
  await page.evaluate(() => {
    const all = (selector: string): HTMLElement[] => [...document.querySelectorAll<HTMLElement>(selector)];
    const placed = (element: HTMLElement): string => {
      const { left, top, width } = element.getBoundingClientRect();
      return [left, top, width].map(Math.round).join(' ');
    };
    const marks = ['.view-line', '.char-insert', '.char-delete', '.line-insert', '.line-delete', '.selected-text'];
    const look = (): Painted => ({
      diff: marks.flatMap((mark) => all(`.monaco-diff-editor ${mark}`).map((element) => `${mark} ${placed(element)} ${element.innerText}`)).sort(),
      answers: all('.monaco-editor .view-line span[class*="ced-"]').map((span) => getComputedStyle(span, '::after').content).filter((text) => text.includes('→')),
      lenses: all('.codelens-decoration').map((lens) => lens.innerText),
    });
    const frames: Painted[] = [];
    (window as Watching).painted = frames;
    // A size that changes with each frame is told of after everybody has drawn, right before it is painted.
    const probe = document.body.appendChild(document.createElement('div'));
    probe.style.cssText = 'position: fixed; height: 0';
    new ResizeObserver(() => {
      const seen = look();
      if (JSON.stringify(seen) !== JSON.stringify(frames.at(-1))) frames.push(seen);
    }).observe(probe);
    const next = (): void => {
      probe.style.width = probe.style.width === '1px' ? '2px' : '1px';
      requestAnimationFrame(next);
    };
    next();
  });
  return () => page.evaluate(() => (window as Watching).painted ?? []);
}
