import { createHash, randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import path from 'node:path';
import { LaunchError } from './errors';
import type { Env } from './trainerProcess';

interface SourceFile {
  /** Relative to the package's parent, with "/". */
  readonly name: string;
  readonly content: Buffer;
}

/** Where this user's caches lie. */
export function cacheFolder(env: Env = process.env): string {
  const xdg = env['XDG_CACHE_HOME'];
  if (xdg !== undefined && path.isAbsolute(xdg)) return path.join(xdg, 'minillm');
  if (process.platform === 'darwin') return path.join(homedir(), 'Library', 'Caches', 'minillm');
  if (process.platform === 'win32') return path.join(env['LOCALAPPDATA'] ?? path.join(homedir(), 'AppData', 'Local'), 'minillm');
  return path.join(homedir(), '.cache', 'minillm');
}

/** The Python files of the package `minillm`, and nothing else: no caches, no tests, no editor's leavings. */
async function readPackage(parent: string): Promise<SourceFile[]> {
  const out: SourceFile[] = [];
  const visit = async (folder: string): Promise<void> => {
    for (const entry of await readdir(path.join(parent, folder), { withFileTypes: true })) {
      const name = `${folder}/${entry.name}`;
      if (entry.isDirectory() && entry.name !== '__pycache__') await visit(name);
      else if (entry.isFile() && entry.name.endsWith('.py')) out.push({ name, content: await readFile(path.join(parent, name)) });
    }
  };
  await visit('minillm');
  return out.sort((a, b) => (a.name < b.name ? -1 : 1));
}

function hashOf(files: readonly SourceFile[]): string {
  const hash = createHash('sha256');
  for (const { name, content } of files) hash.update(`${name}\0${content.length}\0`).update(content);
  return hash.digest('hex').slice(0, 16);
}

/** A copy is whole when it hashes to its own name: a cleaner of caches may have taken files out of it. */
async function isWhole(folder: string): Promise<boolean> {
  try {
    return hashOf(await readPackage(folder)) === path.basename(folder);
  } catch {
    return false;
  }
}

/**
 * Copies the trainer's package to a folder named after its content, and returns that folder: what goes on PYTHONPATH.
 * A run keeps the code that it began with, whatever happens to the source. Several launches at once agree: each makes
 * its own copy whole under another name, and one of them gets renamed.
 */
export async function installTrainer(source: string, cache = cacheFolder()): Promise<string> {
  let files: SourceFile[];
  try {
    files = await readPackage(source);
  } catch (error) {
    throw new LaunchError('trainer missing', `The trainer's package cannot be read at ${path.join(source, 'minillm')}.`, 'Install MiniLLM again.', String(error));
  }
  const parent = path.join(cache, 'trainer');
  const target = path.join(parent, hashOf(files));
  if (await isWhole(target)) return target;
  const part = path.join(parent, `.${path.basename(target)}-${randomBytes(6).toString('hex')}`);
  try {
    for (const { name, content } of files) {
      const file = path.join(part, name);
      await mkdir(path.dirname(file), { recursive: true });
      await writeFile(file, content);
    }
    await putInPlace(part, target);
  } catch (error) {
    await rm(part, { recursive: true, force: true }).catch(() => undefined);
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown error';
    throw new LaunchError(
      'trainer missing', `The trainer cannot be copied to ${parent} (${code}).`,
      'Make room there, or set XDG_CACHE_HOME to a folder that can be written.', String(error),
    );
  }
  return target;
}

/**
 * The copy that a run was launched with, if it is still whole: a resumed run goes on with the code that it began with. Else
 * the package as it is shipped now.
 */
export async function trainerOfRun(name: string | null | undefined, source: string, cache = cacheFolder()): Promise<string> {
  if (typeof name === 'string' && /^[0-9a-f]{16}$/.test(name)) {
    const folder = path.join(cache, 'trainer', name);
    if (await isWhole(folder)) return folder;
  }
  return installTrainer(source, cache);
}

async function putInPlace(part: string, target: string): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    try {
      await rename(part, target);
      return;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (attempt > 3 || (code !== 'ENOTEMPTY' && code !== 'EEXIST' && code !== 'EPERM')) throw error;
      if (await isWhole(target)) {
        await rm(part, { recursive: true, force: true });
        return;
      }
      // Damaged: moved aside, not emptied in place, for a process may be importing from it.
      const aside = `${part}-damaged`;
      await rename(target, aside).catch(() => undefined);
      await rm(aside, { recursive: true, force: true });
    }
  }
}
