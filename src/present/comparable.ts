/* What two runs were scored on: where that is not the same, their numbers say less of each other than it seems. */
import type { DataFile, Run } from '../contract/generated';

/** Of a record that an older launcher wrote, or another machine, parts may be missing. */
type Known = Pick<Run, 'config'> & Partial<Pick<Run, 'dataFiles' | 'modelFiles'>>;

/** Contents of a file, or of the files of a folder, as they were when a run was launched; empty where nobody looked. */
function contentOf(files: readonly DataFile[] | undefined, place: string): string {
  const within = (files ?? []).filter(({ path }) => path === place || path.startsWith(`${place}/`));
  return within.map(({ path, sha256 }) => `${path.slice(place.length)} ${sha256}`).sort().join('\n');
}

/** By contents where both are known, else by name: the same teacher may lie in two folders, and another one in the same. */
function differ(a: readonly [name: string, content: string], b: readonly [name: string, content: string]): boolean {
  return a[1] !== '' && b[1] !== '' ? a[1] !== b[1] : a[0] !== b[0];
}

function teacherOf({ config: { teacher }, modelFiles }: Known): [name: string, content: string] {
  return [`${teacher.model} ${teacher.revision ?? ''}`, contentOf(modelFiles, teacher.model)];
}

function validationOf({ config: { data }, dataFiles }: Known): [name: string, content: string] {
  return [data.validation ?? '', contentOf(dataFiles, data.validation ?? '')];
}

/** In a few words each, what keeps the scores of the other from being compared with those of the first. */
export function whatDiffers(first: Known, other: Known): string[] {
  const [a, b] = [first.config, other.config];
  const found: string[] = [];
  if (differ(teacherOf(first), teacherOf(other))) found.push('another teacher');
  if (differ(validationOf(first), validationOf(other))) found.push('other validation rows');
  if (a.data.template !== b.data.template) found.push('another template');
  if (a.data.maxNewTokens !== b.data.maxNewTokens) found.push('another length of responses');
  return found;
}
