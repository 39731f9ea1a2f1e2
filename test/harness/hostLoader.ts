// What the extension host runs (extensionTestsPath): mocha over out/test/host/**/*.test.js.
import { readdirSync } from 'node:fs';
import path from 'node:path';
import Mocha from 'mocha';
import { repo } from './paths';

/** Resolves when all tests passed. The editor turns a rejection into exit code 1. */
export async function run(): Promise<void> {
  const grep = process.env.MINILLM_GREP;
  const mocha = new Mocha({
    reporter: path.join(repo, 'out', 'test', 'harness', 'reporter.js'),
    timeout: 90_000,
    color: false,
    ...(grep ? { grep, invert: process.env.MINILLM_INVERT === '1' } : {}),
  });
  const folder = path.join(repo, 'out', 'test', 'host');
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((each) => each.endsWith('.test.js')).sort()) mocha.addFile(path.join(folder, name));
  const failures = await new Promise<number>((resolve) => mocha.run(resolve));
  if (failures > 0) throw new Error(`${failures} of the extension host's tests failed.`);
}
