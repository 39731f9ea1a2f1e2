// Where tests find things. Test files are bundled into out/, so that __dirname says nothing about the repository.
import { mkdirSync, mkdtempSync, realpathSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';

/** The repository's root: the runner says it to the extension host, whose working folder is another. */
export const repo = process.env.MINILLM_REPO ?? process.cwd();

/** The Python that has the trainer's packages. */
export const python = process.env.MINILLM_PYTHON ?? path.join(repo, '.venv', 'bin', 'python');

/** Screenshots, reports and consoles of the last test run. */
export const results = path.join(repo, 'test-results');

/** A fresh folder of its own for a test, under its real path. */
export function temporaryFolder(name: string): string {
  return realpathSync(mkdtempSync(path.join(os.tmpdir(), `minillm-${name}-`)));
}

/** The path of a file in test-results/, with its folder made. */
export function resultFile(name: string): string {
  const file = path.join(results, name);
  mkdirSync(path.dirname(file), { recursive: true });
  return file;
}

/** Skips the running test and says why, since a skip without a reason hides a hole: `skipBecause(this, 'no GPU here')`. */
export function skipBecause(context: Mocha.Context, reason: string): never {
  const test = context.test;
  if (test) test.title = `${test.title} (skipped: ${reason})`;
  context.skip();
}
