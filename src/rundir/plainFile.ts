import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import path from 'node:path';
import { insistOnOwnFolder } from './ownFolder';

/** Missing where the system has no such thing. */
const { O_NOFOLLOW = 0, O_NONBLOCK = 0 } = constants as Partial<typeof constants>;
const FLAGS = constants.O_RDONLY | O_NOFOLLOW | O_NONBLOCK;

/**
 * Opens a file of a run folder. Rejects for what is no plain file, or lies in a linked folder: a stranger's folder may hold a
 * link that leads out of it, or a pipe or a device that never ends. The caller closes it.
 */
export async function openPlain(file: string): Promise<FileHandle> {
  await insistOnOwnFolder(path.dirname(file));
  const handle = await open(file, FLAGS);
  if ((await handle.stat()).isFile()) return handle;
  await handle.close();
  throw Object.assign(new Error(`${file} is not a plain file.`), { code: 'ENOTFILE' });
}

/** The end of such a file: at most `bytes`, and none before the place `from`; whether that is all. Rejects as openPlain does. */
export async function readEnd(file: string, bytes: number, from = 0): Promise<{ readonly text: string; readonly whole: boolean }> {
  const handle = await openPlain(file);
  try {
    const { size } = await handle.stat();
    const start = Math.max(from, size - bytes);
    const length = Math.max(0, size - start);
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(length), 0, length, start);
    return { text: buffer.toString('utf8', 0, bytesRead), whole: start === from };
  } finally {
    await handle.close();
  }
}

/** The text of a file of a run folder. Rejects as openPlain does, and for more than `limit` bytes. */
export async function readPlain(file: string, limit: number): Promise<string> {
  const handle = await openPlain(file);
  try {
    const { size } = await handle.stat();
    if (size > limit) throw Object.assign(new Error(`${file} has ${size} bytes: at most ${limit} are read.`), { code: 'EFBIG' });
    return await handle.readFile('utf8');
  } finally {
    await handle.close();
  }
}
