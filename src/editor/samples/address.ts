import path from 'node:path';
import * as vscode from 'vscode';
import { checkpointLabel } from '../../present/labels';
import { isCheckpointName, isRunId } from '../../rundir/layout';

export const SCHEME = 'minillm';
/** The languages of package.json know samples by it. */
const ENDING = '.minillm';

/** Samples of a checkpoint (or of the teacher): of all prompts, or of one. */
export interface SamplesAddress {
  readonly dir: string;
  readonly checkpoint: string;
  readonly promptId?: string | undefined;
}

/** `minillm:<run folder>/<checkpoint>/all/step 200.minillm`, or `…/prompt/<prompt id>.minillm`: the last part is what a tab shows. */
export function samplesUri({ dir, checkpoint, promptId }: SamplesAddress): vscode.Uri {
  const name = promptId === undefined ? `all/${checkpointLabel(checkpoint)}` : `prompt/${encodeURIComponent(promptId)}`;
  return vscode.Uri.from({ scheme: SCHEME, path: `${vscode.Uri.file(dir).path}/${checkpoint}/${name}${ENDING}` });
}

/** Undefined when the address names no samples of a run: nothing else on the disk can be read through this scheme. */
export function parseSamplesUri(uri: vscode.Uri): SamplesAddress | undefined {
  if (uri.scheme !== SCHEME || !uri.path.endsWith(ENDING)) return undefined;
  const parts = uri.path.slice(0, -ENDING.length).split('/');
  const [checkpoint, kind, name] = parts.splice(-3);
  if (checkpoint === undefined || name === undefined || !isCheckpointName(checkpoint) || !isRunId(parts.at(-1) ?? '')) return undefined;
  const dir = path.normalize(vscode.Uri.file(parts.join('/')).fsPath);
  if (kind === 'all') return { dir, checkpoint };
  if (kind !== 'prompt') return undefined;
  try {
    return { dir, checkpoint, promptId: decodeURIComponent(name) };
  } catch {
    return undefined;
  }
}
