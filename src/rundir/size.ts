import { lstat, readdir } from 'node:fs/promises';
import path from 'node:path';

/** Bytes of the files in a folder. Links are not followed; what vanishes meanwhile does not count. */
export async function folderSize(folder: string): Promise<number> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  const sizes = await Promise.all(entries.map((entry) => {
    const file = path.join(folder, entry.name);
    return entry.isDirectory() ? folderSize(file) : lstat(file).then((info) => info.size, () => 0);
  }));
  return sizes.reduce((sum, size) => sum + size, 0);
}
