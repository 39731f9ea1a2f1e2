/* What two runs were scored on: where that is not the same, their numbers say less of each other than it seems. */
import type { DataFile, Run } from '../contract/generated';

type Unsure<T> = { readonly [name in keyof T]?: unknown } | null;

interface Settings {
  readonly teacher: Run['config']['teacher'];
  readonly data?: Unsure<Run['config']['data']>;
  readonly evaluation?: Unsure<Run['config']['evaluation']>;
}

/** Of a record that an older launcher wrote, another machine or a stranger, parts may be missing, or be anything. */
interface Known {
  readonly config: Settings;
  readonly dataFiles?: readonly DataFile[];
  readonly modelFiles?: readonly DataFile[];
}

/** Contents of a file, or of the files of a folder, as they were when a run was launched; empty where nobody looked. */
function contentOf(files: readonly DataFile[] | undefined, place: string): string {
  const within = (files ?? []).filter(({ path }) => path === place || path.startsWith(`${place}/`));
  return within.map(({ path, sha256 }) => `${path.slice(place.length)} ${sha256}`).sort().join('\n');
}

/** By contents where both are known, else by name: the same teacher may lie in two folders, and another one in the same. */
function differ(a: readonly [name: string, content: string], b: readonly [name: string, content: string]): boolean {
  return a[1] !== '' && b[1] !== '' ? a[1] !== b[1] : a[0] !== b[0];
}

function teacherOf({ config: { teacher: { model, revision } }, modelFiles }: Known): [name: string, content: string] {
  return [`${model} ${typeof revision === 'string' ? revision : ''}`, contentOf(modelFiles, model)];
}

/** A run without validation rows is scored on none, whatever else it reads. */
function validationOf({ config: { data }, dataFiles }: Known): [name: string, content: string] {
  const validation = data?.validation;
  return typeof validation === 'string' ? [validation, contentOf(dataFiles, validation)] : ['', ''];
}

/** In a few words each, what keeps the scores of the other from being compared with those of the first; or that a record cannot be read. */
export function whatDiffers(first: Known | undefined, other: Known | undefined): string[] {
  if (first === undefined || other === undefined) return ['settings that cannot be read'];
  const [a, b] = [first.config, other.config];
  const data = (name: keyof Run['config']['data']): boolean => (a.data?.[name] ?? null) !== (b.data?.[name] ?? null);
  const found: string[] = [];
  if (differ(teacherOf(first), teacherOf(other))) found.push('another teacher');
  if (differ(validationOf(first), validationOf(other))) found.push('other validation rows');
  if (data('template')) found.push('another template');
  if (data('endToken')) found.push('another end token');
  // Longer prompts are left out.
  if (data('maxPromptTokens')) found.push('another length of prompts');
  if (data('maxNewTokens')) found.push('another length of responses');
  if ((a.evaluation?.unit ?? null) !== (b.evaluation?.unit ?? null)) found.push('another unit of scores');
  return found;
}
