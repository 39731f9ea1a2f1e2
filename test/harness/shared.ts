/**
 * One server, browser and page for all workbench tests of a run, started by the first that asks.
 * A test that fails leaves test-results/failed-<title>-<n>.png.
 */
import { temporaryFolder } from './paths';
import { Workbench, writeFiles } from './workbench';

let started: Promise<Workbench> | undefined;

/** The workbench of this run. Open a folder of your own in it first; leave nothing open that would ask a question. */
export function sharedWorkbench(): Promise<Workbench> {
  started ??= Workbench.start();
  return started;
}

/** A fresh folder with one file, open in the shared workbench. */
export async function openFreshFolder(files: Readonly<Record<string, string>> = {}): Promise<Workbench> {
  const workbench = await sharedWorkbench();
  const folder = temporaryFolder('folder');
  writeFiles(folder, { 'README.md': 'A folder of a test.\n', ...files });
  await workbench.open(folder);
  return workbench;
}

afterEach(async function keepPictures() {
  if (this.currentTest?.state !== 'failed') return;
  const name = this.currentTest.fullTitle().replace(/\W+/g, '-').slice(0, 80);
  // A page that crashed gives no picture; the failure itself is what counts.
  for (const [index, workbench] of [...Workbench.running].entries()) await workbench.screenshot(`failed-${name}-${index}`).catch(() => undefined);
});

after(async () => {
  await (await started?.catch(() => undefined))?.stop();
});
