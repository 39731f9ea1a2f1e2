import path from 'node:path';
import type { Config } from '../contract/generated';
import { linksIn } from '../rundir/ownFolder';
import { readRun, type RunSummary } from '../rundir/runs';
import { adoptRun, type AdoptOptions, needsSupervisor } from './adopt';
import { changesOf } from './dataFiles';
import { LaunchError } from './errors';
import { refuseUnsupportedPlatform } from './launch';
import { modelChangesOf } from './modelFiles';
import type { ReadyPython } from './python';
import { chooseForRun } from './pythonOfRun';
import { startSupervisor } from './supervisor';
import { trainerOfRun } from './trainerPackage';

export interface ResumeOptions extends AdoptOptions {
  /** Go on although files that the run reads are not what they were. */
  readonly allowChangedData?: boolean | undefined;
  /** What is being done, in words. */
  readonly onProgress?: ((text: string) => void) | undefined;
}

export interface ResumedRun {
  readonly id: string;
  readonly dir: string;
  /** Undefined when its trainer was still alive and only wanted a supervisor. */
  readonly python: ReadyPython | undefined;
}

/** Why a run cannot be resumed, in one sentence; undefined when it can. */
export function whyNotResume({ state, name, run, problem }: RunSummary): string | undefined {
  if (run === undefined) return problem ?? `${name} has no run.json.`;
  if (state === 'finished') return `${name} has finished. Fork it to train on.`;
  if (state !== 'stalled' && state !== 'failed' && state !== 'stopped' && state !== 'lost' && state !== 'unknown') return `${name} is ${state} already.`;
  return undefined;
}

/** What a config lets its models execute, in words: `"trustRemoteCode" for the teacher some/model`. */
export function foreignCode({ teacher, student }: Config): string[] {
  return [['teacher', teacher] as const, ['student', student] as const].flatMap(([role, part]) =>
    (['trustRemoteCode', 'allowPickle'] as const).filter((key) => part[key]).map((key) => `"${key}" for the ${role} ${part.model}`));
}

/**
 * Gives a run that has ended another attempt, from its newest complete checkpoint. Resolves once its supervisor has taken
 * it on. Rejects with LaunchError, and then the run is as it was.
 */
export async function resumeRun(options: ResumeOptions): Promise<ResumedRun> {
  refuseUnsupportedPlatform();
  const summary = await readRun(options.dir);
  const { id, dir } = summary;
  if (needsSupervisor(summary) === 'trainer lives') {
    await adoptRun(options);
    return { id, dir, python: undefined };
  }
  const refusal = summary.state === 'stalled' ? `${summary.name} lives: ${summary.text}` : whyNotResume(summary);
  if (refusal !== undefined || summary.run === undefined) {
    throw new LaunchError('not resumable', refusal ?? `${summary.name} cannot be read.`, 'Look at its state with "minillm show".');
  }
  const links = await linksIn(dir);
  if (links !== undefined) throw new LaunchError('not resumable', `${summary.name} is not resumed: ${links}`, 'Put the folders themselves in their place.');
  options.onProgress?.('checking data and models');
  const changes = [...(await changesOf(summary.run.dataFiles)), ...(await modelChangesOf(summary.run.modelFiles))];
  if (changes.length > 0 && options.allowChangedData !== true) {
    throw new LaunchError(
      'data changed', `What ${summary.name} reads is not what it was at its launch. ${changes.join(' ')}`,
      'Bring the files back, or resume it with changed files (in a terminal: --allow-changed-data): what follows will not be what an undisturbed run would have given.',
    );
  }
  const env = options.env ?? process.env;
  const trainerDir = await trainerOfRun(summary.run.environment.trainer, options.trainerSource, options.cache);
  options.onProgress?.('looking for Python');
  const workspace = path.resolve(options.workspace);
  const python = await chooseForRun(summary.run, { ...options.python, workspace, env }, trainerDir);
  options.onProgress?.('starting the supervisor');
  const told = ['--resume', ...(options.allowChangedData === true ? ['--allow-changed-data'] : [])];
  await startSupervisor(dir, { python: python.choice.path, trainerDir, env, options: told });
  return { id, dir, python };
}
