import path from 'node:path';
import * as vscode from 'vscode';
import { checkpointLabel } from '../../present/labels';
import { isRunId } from '../../rundir/layout';
import { isSideName } from '../../rundir/sides';

export const SCHEME = 'minillm';
/** The languages of package.json know samples by it. */
const ENDING = '.minillm';

/** Samples of a checkpoint (or of the teacher, or the references): of all prompts, or of one. */
export interface SamplesAddress {
  readonly dir: string;
  readonly checkpoint: string;
  readonly promptId?: string | undefined;
}

/**
 * `minillm:<run folder>/step 200.minillm?step-00000200-a1` for all prompts, `…/<prompt id>.minillm?step-00000200-a1&<prompt id>`
 * for one. The query is the address; the last part of the path is what a tab shows. Both sides of a prompt have the same
 * path, so that editors do not take them for a file that was renamed.
 */
export function samplesUri({ dir, checkpoint, promptId }: SamplesAddress): vscode.Uri {
  const name = promptId === undefined ? checkpointLabel(checkpoint) : encodeURIComponent(promptId);
  const query = promptId === undefined ? checkpoint : `${checkpoint}&${encodeURIComponent(promptId)}`;
  return vscode.Uri.from({ scheme: SCHEME, path: `${vscode.Uri.file(dir).path}/${name}${ENDING}`, query });
}

/** Undefined when the address names no samples of a run: nothing else on the disk can be read through this scheme. */
export function parseSamplesUri(uri: vscode.Uri): SamplesAddress | undefined {
  if (uri.scheme !== SCHEME || !uri.path.endsWith(ENDING)) return undefined;
  const dir = path.dirname(vscode.Uri.file(uri.path).fsPath);
  const [checkpoint, promptId, more] = uri.query.split('&');
  if (checkpoint === undefined || more !== undefined || !isSideName(checkpoint) || !isRunId(path.basename(dir))) return undefined;
  if (promptId === undefined) return { dir, checkpoint };
  try {
    return { dir, checkpoint, promptId: decodeURIComponent(promptId) };
  } catch {
    return undefined;
  }
}
