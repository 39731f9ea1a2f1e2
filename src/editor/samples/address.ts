import path from 'node:path';
import * as vscode from 'vscode';
import { checkpointLabel } from '../../present/labels';
import { showOnOneLine, uriPart } from '../../present/text';
import { isRunId } from '../../rundir/layout';
import { isSideName } from '../../rundir/sides';

export const SCHEME = 'minillm';
/** The languages of package.json know samples by it. */
const ENDING = '.minillm';

/** Characters of a prompt's name that a tab has room for. */
const LONGEST_NAME = 32;

/** Samples of a checkpoint (or of the teacher, or the references): of all prompts, or of one. */
export interface SamplesAddress {
  readonly dir: string;
  readonly checkpoint: string;
  readonly promptId?: string | undefined;
  /** Run folder that the path shows in place of its own: where two runs are set side by side, it is the other one's. */
  readonly shownIn?: string | undefined;
}

/**
 * `minillm:<run folder>/step 200.minillm?step-00000200-a1` for all prompts, `…/<name>.minillm?step-00000200-a1&<prompt id>`
 * for one, whatever it is called. The query is the address; the last part of the path is what a tab shows. Both sides of a prompt have
 * the same path, so that editors do not take them for a file that was renamed: of another run the folder stands in the query.
 */
export function samplesUri({ dir, checkpoint, promptId, shownIn = dir }: SamplesAddress, called = promptId): vscode.Uri {
  const name = called === undefined ? checkpointLabel(checkpoint) : tabName(called);
  const parts = [checkpoint, ...(promptId === undefined ? [] : [promptId, ...(shownIn === dir ? [] : [dir])]).map(uriPart)];
  return vscode.Uri.from({ scheme: SCHEME, path: `${vscode.Uri.file(shownIn).path}/${name}${ENDING}`, query: parts.join('&') });
}

/** A prompt as a part of a path that a tab shows: on one line, not too long, and without what would part the path. */
export function tabName(called: string): string {
  const name = showOnOneLine(called, LONGEST_NAME).replaceAll('/', '∕').replaceAll('\\', '∖');
  return name.replace(/\p{Surrogate}/gu, '\ufffd'); // a character that was cut in two
}

/** Undefined when the address names no samples of a run: nothing else on the disk can be read through this scheme. */
export function parseSamplesUri(uri: vscode.Uri): SamplesAddress | undefined {
  if (uri.scheme !== SCHEME || !uri.path.endsWith(ENDING)) return undefined;
  const shown = path.dirname(vscode.Uri.file(uri.path).fsPath);
  const [checkpoint, promptId, other, more] = partsOf(uri.query);
  if (checkpoint === undefined || more !== undefined || !isSideName(checkpoint)) return undefined;
  const dir = other ?? shown;
  if (!isRunFolder(dir) || !isRunFolder(shown)) return undefined;
  if (promptId === undefined) return { dir, checkpoint };
  return { dir, checkpoint, promptId, ...(other === undefined ? {} : { shownIn: shown }) };
}

/** A plain absolute path of what may be a run. */
function isRunFolder(folder: string): boolean {
  return path.isAbsolute(folder) && path.normalize(folder) === folder && isRunId(path.basename(folder));
}

function partsOf(query: string): string[] {
  try {
    return query.split('&').map(decodeURIComponent);
  } catch {
    return [];
  }
}
