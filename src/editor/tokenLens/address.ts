import path from 'node:path';
import * as vscode from 'vscode';
import { checkpointLabel } from '../../present/labels';
import { uriPart } from '../../present/text';
import { isCheckpointName, isRunId } from '../../rundir/layout';
import { REFERENCE } from '../../rundir/sides';
import type { TokenKey } from '../../rundir/tokens';
import { isMeasure, type Measure } from '../../samples/tokens';
import { drawName } from '../../samples/document';
import { SCHEME, tabName } from '../samples/address';

/** The languages of package.json know the coloured text by it; the table is plain text. */
const TEXT = '.minillm-tokens';
const TABLE = '.minillm-table';

/** One response, token by token: as coloured text, or (without a measure) as a table. */
export interface TokensAddress extends TokenKey {
  readonly dir: string;
  readonly checkpoint: string;
  readonly measure: Measure | undefined;
}

/**
 * `minillm:<run folder>/<name> · step 200 · greedy.minillm-tokens?step-00000200-a1&<prompt id>&draw-0&gap`: the query is the address,
 * and the last part of the path what a tab shows.
 */
export function tokensUri({ dir, checkpoint, promptId, kind, draw, measure }: TokensAddress, called = promptId): vscode.Uri {
  const which = kind === 'reference' ? REFERENCE.label : drawName(draw);
  const name = `${tabName(called)} · ${checkpointLabel(checkpoint)} · ${which}${measure === undefined ? `, table${TABLE}` : TEXT}`;
  const query = [checkpoint, uriPart(promptId), `${kind}-${draw}`, ...(measure === undefined ? [] : [measure])].join('&');
  return vscode.Uri.from({ scheme: SCHEME, path: `${vscode.Uri.file(dir).path}/${name}`, query });
}

/** What the tab of such a document calls the prompt. */
export function calledIn(uri: vscode.Uri): string {
  return path.posix.basename(uri.path).replace(/ · [^·]* · [^·]*$/, '');
}

/** Undefined when the address names no tokens of a run: nothing else on the disk can be read through this scheme. */
export function parseTokensUri(uri: vscode.Uri): TokensAddress | undefined {
  if (uri.scheme !== SCHEME || !(uri.path.endsWith(TEXT) || uri.path.endsWith(TABLE))) return undefined;
  const dir = path.dirname(vscode.Uri.file(uri.path).fsPath);
  const [checkpoint, promptId, which, measure, more] = uri.query.split('&');
  const [, kind, draw] = /^(draw|reference)-(\d{1,4})$/.exec(which ?? '') ?? [];
  if (checkpoint === undefined || promptId === undefined || draw === undefined || more !== undefined) return undefined;
  if (!isCheckpointName(checkpoint) || !isRunId(path.basename(dir))) return undefined;
  if (uri.path.endsWith(TEXT) !== (measure !== undefined) || (measure !== undefined && !isMeasure(measure))) return undefined;
  try {
    return { dir, checkpoint, promptId: decodeURIComponent(promptId), kind: kind as TokenKey['kind'], draw: Number(draw), measure };
  } catch {
    return undefined;
  }
}
