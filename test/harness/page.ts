// What tests of pages share: waiting for what comes when it comes, the four themes, and what axe has to say.
import { setTimeout as sleep } from 'node:timers/promises';
import axe from 'axe-core';
import type { Frame } from 'playwright-core';
import type { Theme } from './workbench';

const allThemes: readonly (readonly [theme: Theme, name: string])[] = [
  ['Dark Modern', 'dark'], ['Light Modern', 'light'], ['Default High Contrast', 'contrast'], ['Default High Contrast Light', 'contrast-light'],
];

/**
 * The themes that everything must be legible in, each with the word that stands for it in the names of pictures. A dark and a light one
 * in `npm test`, those of high contrast too in `npm run test:all`.
 */
export const themes = process.env['MINILLM_LONG'] ? allThemes : allThemes.slice(0, 2);

/** Asks again until there is an answer; says what it waited for when there is none in time. */
export async function until<T>(
  what: string, look: () => T | undefined | false | Promise<T | undefined | false>, timeout = 30_000,
): Promise<T> {
  const deadline = Date.now() + timeout;
  for (;;) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    if (Date.now() > deadline) throw new Error(`Not within ${timeout / 1000} s: ${what}.`);
    await sleep(100);
  }
}

/** What axe finds wrong with a page, a line each. */
export async function violations(frame: Frame): Promise<string[]> {
  await frame.evaluate(axe.source);
  return frame.evaluate(async () => {
    interface Axe { run(options: object): Promise<{ violations: { id: string; nodes: { html: string }[] }[] }> }
    const found = await (window as unknown as { axe: Axe }).axe.run({ resultTypes: ['violations'] });
    return found.violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html.slice(0, 160)}`));
  });
}
