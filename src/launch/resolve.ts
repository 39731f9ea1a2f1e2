import path from 'node:path';
import type { Resolution } from '../contract/generated';
import { parseRecord } from '../contract/parse';
import { LaunchError } from './errors';
import { type Env, lastCause, runPython, trainerArguments, trainerEnvironment } from './trainerProcess';

const TIMEOUT = 30_000;

export interface ResolveOptions {
  readonly python: string;
  /** The folder of installTrainer. */
  readonly trainerDir: string;
  /** Path of the config. */
  readonly config: string;
  readonly workspace: string;
  readonly env: Env;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Asks the trainer what a config means: every default filled in, or what is wrong with it. Static: loads no model.
 * Rejects with LaunchError when the interpreter cannot answer.
 */
export async function resolveConfig(options: ResolveOptions): Promise<Resolution> {
  const { python, trainerDir, config, workspace } = options;
  const args = trainerArguments('resolve', path.resolve(config), '--workspace', path.resolve(workspace));
  const answer = await runPython(python, args, trainerEnvironment(trainerDir, options.env), TIMEOUT, options.signal);
  const parsed = parseRecord(answer.stdout);
  if (parsed.ok && Array.isArray(parsed.value['problems'])) return parsed.value as unknown as Resolution;
  const cause = answer.timedOut ? `no answer within ${TIMEOUT / 1000} s` : (answer.failure ?? lastCause(answer.stderr) ?? 'no answer');
  throw new LaunchError('python broken', `${python} cannot check the config (${cause}).`, 'Choose another Python, or install what it lacks.', answer.stderr);
}
