import { copyFile, mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';

/** What a workspace asks of the extension at its next activation: `.minillm/open.json`, read once and deleted. */
export interface OpenRequest {
  /** Id of a run. */
  readonly run: string;
  /** Open its panel. */
  readonly panel: boolean;
}

/** The demo's config, in its workspace. */
export const DEMO_CONFIG = 'pronounce.minillm.jsonc';

/**
 * Copies the demo into a folder, and returns the path of its config. May be done again at any time: brings back what is
 * missing and renews data and models, but never touches a config or prompts that the user may have changed.
 */
export async function makeDemoWorkspace(demo: string, folder: string): Promise<string> {
  await copyMissing(demo, folder);
  return path.join(folder, DEMO_CONFIG);
}

/** Files that are the user's once they are there. */
const isTheUsers = (name: string): boolean => name.endsWith('.jsonc') || name === 'inspect.jsonl';

async function copyMissing(from: string, to: string): Promise<void> {
  await mkdir(to, { recursive: true });
  for (const entry of await readdir(from, { withFileTypes: true })) {
    const source = path.join(from, entry.name);
    const target = path.join(to, entry.name);
    if (entry.isDirectory()) {
      if (entry.name !== '__pycache__' && entry.name !== 'make' && entry.name !== 'runs') await copyMissing(source, target);
    } else if (entry.isFile() && !entry.name.endsWith('.py')) {
      if (isTheUsers(entry.name) ? !(await exists(target)) : !(await isSame(source, target))) await copyWhole(source, target);
    }
  }
}

const exists = async (file: string): Promise<boolean> => readFile(file).then(() => true, () => false);

async function isSame(a: string, b: string): Promise<boolean> {
  const [left, right] = await Promise.all([readFile(a), readFile(b).catch(() => undefined)]);
  return right !== undefined && left.equals(right);
}

/** By rename: a run that has the old file open or mapped keeps it. */
async function copyWhole(source: string, target: string): Promise<void> {
  const part = `${target}.part`;
  await copyFile(source, part);
  await rename(part, target);
}

/** Asks the extension to open a run once it is active in that workspace. */
export async function requestOpen(workspace: string, request: OpenRequest): Promise<void> {
  const folder = path.join(workspace, '.minillm');
  await mkdir(folder, { recursive: true });
  await writeFile(path.join(folder, 'open.json'), `${JSON.stringify(request)}\n`);
}
