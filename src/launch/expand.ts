import path from 'node:path';
import type { Env } from './trainerProcess';

export interface Surroundings {
  readonly workspace?: string | undefined;
  readonly env: Env;
}

/** A path as people write it into a setting: `~` is the home folder, `${workspaceFolder}` the workspace. */
function expand(text: string, { workspace, env }: Surroundings): string {
  const home = env['HOME'] ?? env['USERPROFILE'];
  if (home !== undefined && /^~(?:$|[\\/])/.test(text)) return path.join(home, text.slice(1));
  return text.replaceAll('${workspaceFolder}', workspace ?? '');
}

/** The file or folder that a setting names: absolute, or relative to the workspace. */
export function resolvePath(text: string, where: Surroundings): string {
  return path.resolve(where.workspace ?? '.', expand(text, where));
}

/**
 * A program as it is written into a setting. Inside the workspace relative to it: the setting may be shared with people who have the
 * workspace elsewhere.
 */
export function writtenProgram(file: string, workspace: string): string {
  const inside = path.relative(workspace, file);
  if (inside === '..' || inside.startsWith(`..${path.sep}`) || path.isAbsolute(inside)) return file;
  // Without a separator it would be the name of a command.
  return inside.includes(path.sep) ? inside.split(path.sep).join('/') : `./${inside}`;
}

/** The program that a setting names: a path, made absolute, or the name of a command, as it is. */
export function resolveProgram(text: string, where: Surroundings): string {
  return /[\\/]/.test(expand(text, where)) ? resolvePath(text, where) : text;
}
