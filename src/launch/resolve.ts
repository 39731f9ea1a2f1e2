import path from 'node:path';
import type { Resolution } from '../contract/generated';
import { parseRecord } from '../contract/parse';
import { LaunchError } from './errors';
import { type Env, lastCause, runPython, trainerArguments, trainerEnvironment } from './trainerProcess';

const TIMEOUT = 30_000;

/** A config, and what a path in it depends on. */
export interface ConfigPlace {
  /** Path of the config. */
  readonly config: string;
  readonly workspace: string;
  /** Where runs go when the config does not say. Default: `runs` in the workspace. */
  readonly usualRunsFolder?: string | undefined;
  /** Where the run goes, whatever the config says. */
  readonly runsFolder?: string | undefined;
}

export interface ResolveOptions extends ConfigPlace {
  readonly python: string;
  /** The folder of installTrainer. */
  readonly trainerDir: string;
  readonly env: Env;
  readonly signal?: AbortSignal | undefined;
}

/** Arguments with which the trainer looks at a config. */
export function configArguments(verb: 'resolve' | 'preflight', place: ConfigPlace): string[] {
  const { config, workspace, usualRunsFolder, runsFolder } = place;
  const usual = usualRunsFolder === undefined ? [] : ['--usual-runs', path.resolve(workspace, usualRunsFolder)];
  const asked = runsFolder === undefined ? [] : ['--runs', path.resolve(workspace, runsFolder)];
  return trainerArguments(verb, path.resolve(config), '--workspace', path.resolve(workspace), ...usual, ...asked);
}

/**
 * Asks the trainer what a config means: every default filled in, or what is wrong with it. Static: loads no model.
 * Rejects with LaunchError when the interpreter cannot answer.
 */
export async function resolveConfig(options: ResolveOptions): Promise<Resolution> {
  const { python, trainerDir } = options;
  const answer = await runPython(python, configArguments('resolve', options), trainerEnvironment(trainerDir, options.env), TIMEOUT, options.signal);
  const parsed = parseRecord(answer.stdout);
  if (parsed.ok && Array.isArray(parsed.value['problems'])) return parsed.value as unknown as Resolution;
  const cause = answer.timedOut ? `no answer within ${TIMEOUT / 1000} s` : (answer.failure ?? lastCause(answer.stderr) ?? 'no answer');
  throw new LaunchError('python broken', `${python} cannot check the config (${cause}).`, 'Choose another Python, or install what it lacks.', answer.stderr);
}
