import { type FileHandle, stat } from 'node:fs/promises';
import type { Sample, TokenDetail, TokenIndex, TokenPlace } from '../contract/generated';
import { parseRecord } from '../contract/parse';
import { checkpointLabel } from '../present/labels';
import { piecesOf } from '../samples/tokenDetail';
import { isCheckpointName, RunDir } from './layout';
import { openPlain, readPlain } from './plainFile';

/** Which response of a prompt: a draw of the student (or teacher), or an accepted answer scored as if it had been given. */
export interface TokenKey {
  readonly promptId: string;
  readonly kind: TokenPlace['kind'];
  readonly draw: number;
}

/** There is no token detail to show. The message is a sentence for the user. */
export class NoTokens extends Error {
  override readonly name = 'NoTokens';
}

/** No line of token detail, and no index, comes near this size. */
const LARGEST_LINE = 256 << 20;
const LARGEST_INDEX = 64 << 20;

const isIndex = (r: Record<string, unknown>): boolean =>
  typeof r['bytes'] === 'number' && Array.isArray(r['lines']) && r['lines'].every((line: unknown) => {
    const { promptId, kind, draw, offset, length } = (line ?? {}) as Record<string, unknown>;
    return typeof promptId === 'string' && (kind === 'draw' || kind === 'reference') && typeof draw === 'number'
      && Number.isSafeInteger(offset) && Number.isSafeInteger(length) && Number(offset) >= 0 && Number(length) >= 0;
  });

const isTexts = (value: unknown): boolean => Array.isArray(value) && value.every((entry) => typeof entry === 'string');
const isDetail = (r: Record<string, unknown>): boolean =>
  typeof r['promptId'] === 'string' && typeof r['prompt'] === 'string' && Array.isArray(r['ids']) && isTexts(r['pieces'])
  && Array.isArray(r['special']) && Array.isArray(r['top']) && r['names'] !== null && typeof r['names'] === 'object';

/** Where each line of a checkpoint's token detail lies. Rejects with NoTokens. */
export async function readTokenIndex(dir: string, checkpoint: string): Promise<TokenIndex> {
  if (!isCheckpointName(checkpoint)) throw new NoTokens(`"${checkpoint}" is not the name of a checkpoint; names look like step-00000200-a1.`);
  let text: string;
  try {
    text = await readPlain(new RunDir(dir).tokenIndexOf(checkpoint), LARGEST_INDEX);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    throw new NoTokens(`There is no token detail of ${checkpointLabel(checkpoint)}: "inspect.keepTokens" in the config limits how many checkpoints have it.`);
  }
  const parsed = parseRecord(text);
  if (!parsed.ok) throw new NoTokens(`The token detail of ${checkpointLabel(checkpoint)} cannot be read: its index is ${parsed.reason}.`);
  if (!isIndex(parsed.value)) throw new NoTokens(`The token detail of ${checkpointLabel(checkpoint)} cannot be read: its index lacks fields.`);
  return parsed.value as unknown as TokenIndex;
}

/** Whether a checkpoint has token detail at all, at the price of a `stat`. */
export async function hasTokens(dir: string, checkpoint: string): Promise<boolean> {
  return isCheckpointName(checkpoint) && stat(new RunDir(dir).tokenIndexOf(checkpoint)).then(() => true, () => false);
}

/** One line of token detail. Rejects with NoTokens. */
async function readLine(file: FileHandle, place: TokenPlace): Promise<TokenDetail> {
  if (place.length > LARGEST_LINE) throw new NoTokens(`The token detail of "${place.promptId}" has ${place.length} bytes: too many to show.`);
  const { buffer, bytesRead } = await file.read(Buffer.alloc(place.length), 0, place.length, place.offset);
  const parsed = parseRecord(buffer.toString('utf8', 0, bytesRead));
  if (!parsed.ok || !isDetail(parsed.value)) throw new NoTokens(`The token detail of "${place.promptId}" cannot be read.`);
  return parsed.value as unknown as TokenDetail;
}

/** Opens a checkpoint's token detail, and closes it when `read` is through. Rejects with NoTokens. */
async function withTokens<T>(dir: string, checkpoint: string, read: (file: FileHandle, index: TokenIndex) => Promise<T>): Promise<T> {
  const index = await readTokenIndex(dir, checkpoint);
  const file = await openPlain(new RunDir(dir).tokensOf(checkpoint));
  try {
    // The two files are replaced one after the other: for a moment one is newer.
    if ((await file.stat()).size !== index.bytes) throw new NoTokens(`The token detail of ${checkpointLabel(checkpoint)} is being written; try again in a moment.`);
    return await read(file, index);
  } finally {
    await file.close();
  }
}

/** What both models thought of one response. Reads its line alone, whatever the size of the file. Rejects with NoTokens. */
export async function readTokens(dir: string, checkpoint: string, key: TokenKey): Promise<TokenDetail> {
  return withTokens(dir, checkpoint, async (file, { lines }) => {
    const place = lines.find(({ promptId, kind, draw }) => promptId === key.promptId && kind === key.kind && draw === key.draw);
    if (place === undefined) throw new NoTokens(`${checkpointLabel(checkpoint)} has no token detail of "${key.promptId}", ${key.kind} ${key.draw}.`);
    return readLine(file, place);
  });
}

/** Lines of token detail that a list of diffs reads at most: it is a preview. */
const MOST_PIECES = 400;

/** The text pieces of samples of one checkpoint, token by token; without those of which there is no detail. */
export async function readPieces(
  dir: string, checkpoint: string, samples: readonly Sample[],
): Promise<ReadonlyMap<Sample, readonly string[]>> {
  const found = new Map<Sample, readonly string[]>();
  if (samples.length === 0 || !(await hasTokens(dir, checkpoint))) return found;
  const keyOf = ({ promptId, draw }: { readonly promptId: string; readonly draw: number }): string => `${draw} ${promptId}`;
  try {
    await withTokens(dir, checkpoint, async (file, { lines }) => {
      const places = new Map(lines.filter(({ kind }) => kind === 'draw').map((place) => [keyOf(place), place]));
      for (const sample of samples.slice(0, MOST_PIECES)) {
        const place = places.get(keyOf(sample));
        const pieces = place && piecesOf(await readLine(file, place), sample.text);
        if (pieces) found.set(sample, pieces);
      }
    });
  } catch (error) {
    // Characters do where there are no tokens.
    if (!(error instanceof NoTokens)) throw error;
  }
  return found;
}
