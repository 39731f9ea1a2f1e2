import { lstat, readdir } from 'node:fs/promises';
import path from 'node:path';
import { RunDir } from './layout';

/** Bytes of the files in a folder. Links are not followed; what vanishes meanwhile does not count. */
export async function folderSize(folder: string): Promise<number> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  const sizes = await Promise.all(entries.map((entry) => {
    const file = path.join(folder, entry.name);
    return entry.isDirectory() ? folderSize(file) : fileSize(file);
  }));
  return sizes.reduce((sum, size) => sum + size, 0);
}

const fileSize = (file: string): Promise<number> => lstat(file).then((info) => info.size, () => 0);

export interface SampleSizes {
  readonly samples: number;
  readonly tokens: number;
}

/** Bytes on disk of a checkpoint's samples, and of what both models thought of them token by token: old checkpoints may have lost that. */
export async function sampleSizes(dir: string, checkpoint: string): Promise<SampleSizes> {
  const at = new RunDir(dir);
  const [samples, tokens] = await Promise.all([fileSize(at.samplesOf(checkpoint)), fileSize(at.tokensOf(checkpoint))]);
  return { samples, tokens };
}
