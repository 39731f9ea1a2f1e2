import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import type { Config, DataFile } from '../contract/generated';

/** Files larger than this are known by their size and their two ends: nobody waits for a terabyte to be read. */
const LARGEST_WHOLE = 2 ** 30;
const END = 64 * 2 ** 20;
const SLICE = 1 << 20;
/** Missing where the system has no such thing. */
const { O_NONBLOCK: NO_WAIT = 0 } = constants as Partial<typeof constants>;

/** Every file of rows or text that a resolved config trains or is scored on, each once. Inspection prompts may grow while a run goes on. */
export function dataPaths(config: Config): string[] {
  const { data, phases } = config;
  const ofPhases = phases.flatMap((phase) => ['train' in phase ? phase.train : null, 'prompts' in phase ? phase.prompts : null]);
  const named = [data.train, data.validation, data.corpus, ...ofPhases];
  return [...new Set(named.filter((path): path is string => typeof path === 'string'))];
}

/** What the files of a config are now. Rejects with the file system's error when one cannot be read. */
export async function describeDataFiles(config: Config): Promise<DataFile[]> {
  const files: DataFile[] = [];
  for (const path of dataPaths(config)) files.push(await describe(path, endsOf));
  return files;
}

/**
 * One sentence for each file that is not what it was when the run was launched; the trainer's side of it is data_files.py.
 * Runs of an older version did not write down what they read.
 */
export async function changesOf(files: readonly DataFile[] | undefined, partsOf: PartsOf = endsOf): Promise<string[]> {
  const changes: string[] = [];
  for (const was of files ?? []) {
    const now = await describe(was.path, partsOf).catch((error: unknown) => (error as NodeJS.ErrnoException).code ?? 'unknown error');
    if (typeof now === 'string') changes.push(`${was.path} cannot be read any more (${now}).`);
    else if (now.bytes !== was.bytes) changes.push(`${was.path} had ${was.bytes} bytes and has ${now.bytes}.`);
    else if (now.sha256 !== was.sha256) changes.push(`${was.path} has other content of the same size.`);
  }
  return changes;
}

/** Which parts of a file of so many bytes its hash is taken of: start and end of each. */
export type PartsOf = (size: number) => readonly (readonly [number, number])[];

const endsOf: PartsOf = (size) => (size <= LARGEST_WHOLE ? [[0, size]] : [[0, END], [size - END, size]]);

export async function describe(path: string, partsOf: PartsOf): Promise<DataFile> {
  // A record may name anything: to open a pipe must not mean to wait for somebody who writes into it.
  const file = await open(path, constants.O_RDONLY | NO_WAIT);
  try {
    const info = await file.stat();
    if (!info.isFile()) throw Object.assign(new Error(`${path} is not a file.`), { code: 'not a file' });
    const { size } = info;
    const hash = createHash('sha256');
    for (const [start, end] of partsOf(size)) await hashPart(file, start, end, (bytes) => hash.update(bytes));
    return { path, bytes: size, sha256: hash.digest('hex') };
  } finally {
    await file.close();
  }
}

async function hashPart(file: FileHandle, start: number, end: number, take: (bytes: Buffer) => void): Promise<void> {
  const buffer = Buffer.alloc(SLICE);
  for (let at = start; at < end; ) {
    const { bytesRead } = await file.read(buffer, 0, Math.min(SLICE, end - at), at);
    if (bytesRead === 0) return;
    take(buffer.subarray(0, bytesRead));
    at += bytesRead;
  }
}
