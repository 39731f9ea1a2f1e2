import { access } from 'node:fs/promises';
import path from 'node:path';
import type { Config, Problem, Resolution } from '../contract/generated';
import { ConfigError, LaunchError } from './errors';
import { launchRun, refuseUnsupportedPlatform, type LaunchedRun } from './launch';
import { choosePython, findPython, type PythonSearch, type ReadyPython } from './python';
import { type ConfigPlace, resolveConfig } from './resolve';
import { installTrainer } from './trainerPackage';
import type { Env } from './trainerProcess';

export interface StartOptions extends ConfigPlace {
  /** The folder that holds the package `minillm` as it was shipped. */
  readonly trainerSource: string;
  /** What the caller knows about interpreters; the workspace and the environment are filled in here. */
  readonly python?: Omit<PythonSearch, 'workspace' | 'env'> | undefined;
  /** Where the trainer's copy goes; by default the user's cache. */
  readonly cache?: string | undefined;
  readonly env?: Env | undefined;
  /** What is being done, in words. */
  readonly onProgress?: ((text: string) => void) | undefined;
}

export interface StartedRun extends LaunchedRun {
  readonly python: ReadyPython;
  /** What the check of the config had to say that did not stop the run. */
  readonly warnings: readonly Problem[];
}

export interface CheckedConfig {
  readonly resolution: Resolution;
  readonly python: ReadyPython;
  readonly trainerDir: string;
}

/** Everything before a run exists: copies the trainer, finds and probes Python, resolves the config. Rejects with LaunchError. */
export async function checkConfig(options: StartOptions): Promise<CheckedConfig> {
  const env = options.env ?? process.env;
  const { config, workspace, usualRunsFolder, runsFolder } = options;
  const place = { config, workspace, usualRunsFolder, runsFolder };
  try {
    await access(config);
  } catch {
    throw new ConfigError(config, [{ text: `There is no config at ${config}.`, file: config, line: null, pointer: null, severity: 'error', edits: [] }]);
  }
  const trainerDir = await installTrainer(options.trainerSource, options.cache);
  const search = { ...options.python, workspace, env };
  const resolve = (python: string): Promise<Resolution> => resolveConfig({ ...place, python, trainerDir, env });
  options.onProgress?.('looking for Python');
  // The probe imports torch, which takes a second or two: the likely interpreter reads the config meanwhile.
  const likely = await findPython(search);
  const ahead = likely && resolve(likely.path);
  ahead?.catch(() => undefined); // nobody asks for it when another interpreter is chosen
  const python = await choosePython(search, trainerDir);
  options.onProgress?.('checking the config');
  const resolution = await (ahead && likely.path === python.choice.path ? ahead : resolve(python.choice.path));
  return { resolution, python, trainerDir };
}

/** Starts a run from a config. Rejects with LaunchError or ConfigError, and then there is no run. */
export async function startRun(options: StartOptions): Promise<StartedRun> {
  refuseUnsupportedPlatform();
  const { resolution, python, trainerDir } = await checkConfig(options);
  const resolved = usable(options.config, resolution);
  options.onProgress?.('starting the supervisor');
  const launched = await launchRun({
    python: python.choice, probe: python.probe, trainerDir, resolved, config: options.config, workspace: path.resolve(options.workspace),
    runsFolder: options.runsFolder, env: options.env ?? process.env,
  });
  return { ...launched, python, warnings: resolution.problems };
}

function usable(config: string, resolution: Resolution): Config {
  if (resolution.config === null || resolution.problems.some((problem) => problem.severity === 'error')) {
    throw new ConfigError(config, resolution.problems);
  }
  return resolution.config;
}

export { ConfigError, LaunchError };
