import * as vscode from 'vscode';
import type { Sample } from '../../contract/generated';
import { RunDir } from '../../rundir/layout';
import { readSamples } from '../../rundir/samples';
import { NoTokens, readTokens } from '../../rundir/tokens';
import { namePrompts } from '../../samples/promptName';
import { renderTokens, renderTokenTable, type TokenDocument, type TokenSource } from '../../samples/tokenDocument';
import type { DocumentKind } from '../samples/fileSystem';
import { parseTokensUri, type TokensAddress } from './address';

function sampleOf(samples: readonly Sample[], { promptId, kind, draw }: TokensAddress): Sample | undefined {
  const own = samples.find((sample) => sample.promptId === promptId && sample.draw === (kind === 'draw' ? draw : 0));
  return kind === 'draw' || own === undefined ? own : { ...own, score: {}, stop: 'eos', repetition: 0 };
}

async function read(address: TokensAddress): Promise<TokenSource> {
  const { dir, checkpoint, promptId } = address;
  const readable = readSamples(dir, checkpoint).catch((): Sample[] => []);
  const [detail, samples] = await Promise.all([readTokens(dir, checkpoint, address), readable]);
  return { detail, called: namePrompts([...samples, detail])(promptId).label, sample: sampleOf(samples, address) };
}

/** Why there is none is a sentence; the editor shows it in place of the text. */
async function orUnavailable<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof NoTokens) throw vscode.FileSystemError.Unavailable(error.message);
    throw error;
  }
}

/** The text, and where each token stands in it. */
export async function tokenDocumentOf(address: TokensAddress): Promise<TokenDocument | undefined> {
  if (address.measure === undefined) return undefined;
  return renderTokens(await read(address), address.measure);
}

export const tokenDocument: DocumentKind = (uri) => {
  const address = parseTokensUri(uri);
  if (address?.measure === undefined) return undefined;
  const render = async (): Promise<string | undefined> => (await tokenDocumentOf(address))?.text;
  return { file: new RunDir(address.dir).samplesOf(address.checkpoint), render: () => orUnavailable(render()) };
};

export const tokenTable: DocumentKind = (uri) => {
  const address = parseTokensUri(uri);
  if (!address || address.measure !== undefined) return undefined;
  const render = async (): Promise<string> => renderTokenTable(await read(address));
  return { file: new RunDir(address.dir).samplesOf(address.checkpoint), render: () => orUnavailable(render()) };
};
