import path from 'node:path';
import * as vscode from 'vscode';
import { isCheckpointName, isRunId } from '../../rundir/layout';

export const SCHEME = 'minillm';
const ENDING = '.minillm-samples';

/** Samples of a checkpoint (or of the teacher): of all prompts, or of one. */
export interface SamplesAddress {
  readonly dir: string;
  readonly checkpoint: string;
  readonly promptId?: string | undefined;
}

/** `minillm:<run folder>/<checkpoint>.minillm-samples`, or `…/<checkpoint>/<prompt id>.minillm-samples`. */
export function samplesUri({ dir, checkpoint, promptId }: SamplesAddress): vscode.Uri {
  const name = promptId === undefined ? checkpoint : `${checkpoint}/${encodeURIComponent(promptId)}`;
  return vscode.Uri.from({ scheme: SCHEME, path: `${vscode.Uri.file(dir).path}/${name}${ENDING}` });
}

/** Undefined when the address names no samples of a run: nothing else on the disk can be read through this scheme. */
export function parseSamplesUri(uri: vscode.Uri): SamplesAddress | undefined {
  if (uri.scheme !== SCHEME || !uri.path.endsWith(ENDING)) return undefined;
  const parts = uri.path.slice(0, -ENDING.length).split('/');
  const last = parts.pop() ?? '';
  const before = parts.at(-1) ?? '';
  if (isCheckpointName(last) && isRunId(before)) return { dir: folder(parts), checkpoint: last };
  parts.pop();
  if (!isCheckpointName(before) || !isRunId(parts.at(-1) ?? '')) return undefined;
  try {
    return { dir: folder(parts), checkpoint: before, promptId: decodeURIComponent(last) };
  } catch {
    return undefined;
  }
}

function folder(parts: readonly string[]): string {
  return path.normalize(vscode.Uri.file(parts.join('/')).fsPath);
}
