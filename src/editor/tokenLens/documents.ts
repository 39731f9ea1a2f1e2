import * as vscode from 'vscode';
import type { Sample, TokenDetail } from '../../contract/generated';
import { RunDir } from '../../rundir/layout';
import { readSamples } from '../../rundir/samples';
import { NoTokens, readTokens } from '../../rundir/tokens';
import { renderTokens, renderTokenTable, type TokenDocument } from '../../samples/tokenDocument';
import type { DocumentKind } from '../samples/fileSystem';
import { parseTokensUri, type TokensAddress } from './address';

async function sampleOf({ dir, checkpoint, promptId, kind, draw }: TokensAddress): Promise<Sample | undefined> {
  const samples = await readSamples(dir, checkpoint).catch((): Sample[] => []);
  const own = samples.find((sample) => sample.promptId === promptId && sample.draw === (kind === 'draw' ? draw : 0));
  return kind === 'draw' || own === undefined ? own : { ...own, score: {}, stop: 'eos', repetition: 0 };
}

async function read(address: TokensAddress): Promise<{ readonly detail: TokenDetail; readonly sample: Sample | undefined }> {
  const [detail, sample] = await Promise.all([readTokens(address.dir, address.checkpoint, address), sampleOf(address)]);
  return { detail, sample };
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
  const { detail, sample } = await read(address);
  return renderTokens(detail, address.measure, sample);
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
  const render = async (): Promise<string> => {
    const { detail, sample } = await read(address);
    return renderTokenTable(detail, sample);
  };
  return { file: new RunDir(address.dir).samplesOf(address.checkpoint), render: () => orUnavailable(render()) };
};
