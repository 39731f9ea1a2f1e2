import { lstat, readdir } from 'node:fs/promises';
import path from 'node:path';
import { isRunId } from './layout';

/* The folders in a run folder are folders. A stranger's run may have links in their place, which lead out of it. */

/** A link lies where a folder of a run should. The message is a sentence for the user. */
export class LinkedFolder extends Error {
  override readonly name = 'LinkedFolder';
  readonly code = 'ELOOP';
}

/** Rejects with LinkedFolder for a link. What does not exist leads nowhere; where the run itself lies is its owner's choice. */
export async function insistOnOwnFolder(folder: string): Promise<void> {
  if (isRunId(path.basename(folder))) return;
  if (await lstat(folder).then((info) => info.isSymbolicLink(), () => false)) {
    throw new LinkedFolder(`${folder} is a link: nothing is read, written or deleted through it. Put the folder itself in its place.`);
  }
}

/** Names in a folder of a run that are no links; none where there is no such folder, or a link in its place. */
export async function namesIn(folder: string, what: 'files' | 'folders'): Promise<string[]> {
  try {
    await insistOnOwnFolder(folder);
    const entries = await readdir(folder, { withFileTypes: true });
    return entries.filter((entry) => (what === 'files' ? entry.isFile() : entry.isDirectory())).map(({ name }) => name);
  } catch (error) {
    if (['ENOENT', 'ELOOP'].includes((error as NodeJS.ErrnoException).code ?? '')) return [];
    throw error;
  }
}

const FOLDERS = new Set(['samples', 'checkpoints', 'evaluations', 'control', 'provenance', 'start']);

/** The links in place of a run's folders, in one sentence. */
export async function linksIn(dir: string): Promise<string | undefined> {
  const entries = await readdir(dir, { withFileTypes: true }).catch(() => []);
  const links = entries.filter((entry) => entry.isSymbolicLink() && FOLDERS.has(entry.name)).map(({ name }) => name);
  if (links.length === 0) return undefined;
  return `${links.join(' and ')} in its folder ${links.length === 1 ? 'is a link' : 'are links'}: nothing is read, written or deleted through ${links.length === 1 ? 'it' : 'them'}.`;
}
