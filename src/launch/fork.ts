import path from 'node:path';
import type { Config, PhasePlan, Run } from '../contract/generated';
import { checkpointRows } from '../present/checkpoints';
import { listCheckpoints, type SavedCheckpoint } from '../rundir/checkpoints';
import { RunDir } from '../rundir/layout';
import { openPlain } from '../rundir/plainFile';
import { readRare } from '../rundir/rareEvents';
import { readRun } from '../rundir/runs';
import { keptCheckpoints } from '../samples/branch';
import type { History } from '../telemetry/history';
import { ConfigError, LaunchError } from './errors';
import { launchRun, refuseUnsupportedPlatform } from './launch';
import { type CheckedConfig, checkConfig, type StartedRun, type StartOptions } from './start';
import { chooseForRun } from './pythonOfRun';
import { trainerOfRun } from './trainerPackage';

export interface ForkOptions extends Omit<StartOptions, 'config'> {
  /** Folder of the run to start from. */
  readonly dir: string;
  /** A checkpoint's name, its step, `first`, `last` or `best`. */
  readonly from: string;
  /** Path of an edited config. Without it the run's own is used, less the phases that were done at the checkpoint. */
  readonly config?: string | undefined;
}

/** Starts a new run from a checkpoint of another. Rejects with LaunchError or ConfigError, and then there is no new run. */
export async function forkRun(options: ForkOptions): Promise<StartedRun> {
  refuseUnsupportedPlatform();
  const [{ run, name, dir, problem }, history] = await Promise.all([readRun(options.dir), readRare(options.dir)]);
  if (run === undefined) throw new LaunchError('not resumable', problem ?? `${name} has no run.json.`, 'Choose another run.');
  const checkpoint = await findCheckpoint(dir, options.from, run, history);
  const workspace = path.resolve(options.workspace);
  // Beside the other, whatever its config says.
  const runsFolder = options.runsFolder ?? path.dirname(dir);
  const { resolution, python, trainerDir } = await (options.config === undefined
    ? ownConfig(run, checkpoint, history, options, workspace)
    : checkConfig({ ...options, config: options.config, workspace, runsFolder }));
  if (resolution.config === null || resolution.problems.some(({ severity }) => severity === 'error')) {
    throw new ConfigError(options.config ?? run.configSource, resolution.problems);
  }
  const config = options.config ?? (await ownFile(dir));
  options.onProgress?.('starting the supervisor');
  const launched = await launchRun({
    python: python.choice, probe: python.probe, trainerDir, resolved: resolution.config, config,
    workspace, runsFolder, env: options.env ?? process.env,
    fork: { folder: checkpoint.path, parent: { run: run.id, checkpoint: checkpoint.name, path: path.resolve(dir) } },
  });
  return { ...launched, python, warnings: resolution.problems };
}

/** The run's config as it was written. A stranger's folder may have a link in its place, whose target is nobody's to copy. */
async function ownFile(dir: string): Promise<string> {
  const { config } = new RunDir(dir);
  const file = await openPlain(config).catch((error: unknown) => {
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown error';
    throw new LaunchError('not resumable', `${config} cannot be read (${code}).`, 'Name a config to fork the run with.');
  });
  await file.close();
  return config;
}

async function ownConfig(
  run: Run, checkpoint: SavedCheckpoint, history: History, options: ForkOptions, workspace: string,
): Promise<CheckedConfig> {
  const env = options.env ?? process.env;
  const trainerDir = await trainerOfRun(run.environment.trainer, options.trainerSource, options.cache);
  options.onProgress?.('looking for Python');
  const python = await chooseForRun(run, { ...options.python, workspace, env }, trainerDir);
  return { resolution: { config: phasesToCome(run.config, history.start?.plan ?? [], checkpoint.step), problems: [] }, python, trainerDir };
}

/** A config without the phases that were done at `step`; the last one stays in any case. */
export function phasesToCome(config: Config, plan: readonly PhasePlan[], step: number): Config {
  const done = plan.filter(({ firstStep, steps }) => firstStep + steps - 1 <= step).length;
  return { ...config, phases: config.phases.slice(Math.min(done, config.phases.length - 1)) as Config['phases'] };
}

async function findCheckpoint(dir: string, text: string, run: Run, history: History): Promise<SavedCheckpoint> {
  const all = await listCheckpoints(dir);
  // What a resumed attempt went back behind is there still, and is neither the last nor the best.
  const kept = new Set(keptCheckpoints(all.map(({ name }) => name)));
  const counting = all.filter(({ name }) => kept.has(name));
  const best = (): string | undefined => checkpointRows(history, run.config.checkpoints.best).find((row) => row.best)?.name;
  const found = text === 'first' ? counting[0]
    : text === 'last' ? counting.at(-1)
    : text === 'best' ? all.find(({ name }) => name === best())
    : /^\d{1,8}$/.test(text) ? all.findLast(({ step }) => step === Number(text))
    : all.find(({ name }) => name === text);
  if (found) return found;
  const steps = all.map(({ step }) => step).join(', ');
  throw new LaunchError(
    'no checkpoint', `${run.name} has no checkpoint "${text}".`,
    all.length === 0 ? 'It has none at all yet.' : `It has checkpoints at the steps ${steps}; first, last and best are understood too.`,
  );
}
