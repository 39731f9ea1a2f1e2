import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import type { Config, DataFile } from '../contract/generated';
import { changesOf, describe, type PartsOf } from './dataFiles';

/** Of larger files some slices are looked at: weights that were trained on differ in all of them, and nobody waits for gigabytes. */
const LARGEST_WHOLE = 16 * 2 ** 20;
const SLICES = 64;
const SLICE = 64 * 2 ** 10;
/** What transformers reads of a folder. */
const READ = /\.(?:json|safetensors|bin|model|txt|jinja)$/;

/** The trainer's side of it is data_files.py. */
const slicesOf: PartsOf = (size) => {
  if (size <= LARGEST_WHOLE) return [[0, size]];
  const starts = Array.from({ length: SLICES }, (_, place) => Math.floor((place * (size - SLICE)) / (SLICES - 1)));
  return starts.map((start) => [start, start + SLICE] as const);
};

/** Folders that a resolved config reads models and tokenizers from; what comes from the hub has its revision there. */
function modelFolders({ teacher, student }: Config, fork: boolean): string[] {
  // A fork holds the weights that it starts from, and its tokenizer, in its own folder.
  const named = fork ? [teacher.model] : [teacher.model, student.model, student.tokenizer];
  return [...new Set(named.filter((name): name is string => typeof name === 'string' && path.isAbsolute(name)))];
}

/** What the files of local models are now. Rejects with the file system's error when one cannot be read. */
export async function describeModelFiles(config: Config, fork: boolean): Promise<DataFile[]> {
  const files: DataFile[] = [];
  for (const folder of modelFolders(config, fork)) {
    for (const name of (await readdir(folder)).filter((one) => READ.test(one)).sort()) {
      const file = path.join(folder, name);
      if ((await stat(file)).isFile()) files.push(await describe(file, slicesOf));
    }
  }
  return files;
}

/** One sentence for each of them that is not what it was when the run was launched. */
export const modelChangesOf = (files: readonly DataFile[] | undefined): Promise<string[]> => changesOf(files, slicesOf);
