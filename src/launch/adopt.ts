import { lstat } from 'node:fs/promises';
import path from 'node:path';
import { hasEnded } from '../contract/runState';
import { readRun, type RunSummary } from '../rundir/runs';
import { LaunchError } from './errors';
import { refuseUnsupportedPlatform } from './launch';
import type { PythonSearch } from './python';
import { findForSupervising } from './pythonOfRun';
import { startSupervisor } from './supervisor';
import { trainerOfRun } from './trainerPackage';
import type { Env } from './trainerProcess';

export interface AdoptOptions {
  /** The run's folder. */
  readonly dir: string;
  /** The folder that holds the package `minillm` as it was shipped, for runs whose own copy is gone. */
  readonly trainerSource: string;
  /** Where interpreters are looked for. Never what the run's own record names: a folder from a stranger says not what is executed. */
  readonly workspace: string;
  readonly python?: Omit<PythonSearch, 'workspace' | 'env'> | undefined;
  readonly cache?: string | undefined;
  readonly env?: Env | undefined;
}

/**
 * Why a run wants a supervisor that nobody needs to be asked about: its trainer goes on and nobody hears requests, or it has
 * ended and its own last word is not written down yet. Undefined when it wants none, or when a person has to say so.
 */
export function needsSupervisor({ status, state, supervisorAlive, trainerAlive }: RunSummary): 'trainer lives' | 'end unsettled' | undefined {
  if (status === undefined || hasEnded(status.state) || state === 'unknown' || supervisorAlive) return undefined;
  if (state === 'stalled') return trainerAlive ? 'trainer lives' : undefined;
  // Without a trainer there is no end to write down: that supervisor died before it had started one.
  return hasEnded(state) && status.trainer !== null ? 'end unsettled' : undefined;
}

/**
 * Starts a supervisor for such a run; does nothing for any other, and nothing for a run of another user. Any number of viewers may do
 * this at once: a lock lets one supervisor through. What has ended or never began is not started, whatever the folder says: a
 * stranger may have filled it. Call it only where the user trusts the workspace. Rejects with LaunchError.
 */
export async function adoptRun(options: AdoptOptions): Promise<void> {
  const summary = await readRun(options.dir);
  if (needsSupervisor(summary) === undefined || !(await isOwn(options.dir))) return;
  refuseUnsupportedPlatform();
  const { run } = summary;
  const env = options.env ?? process.env;
  const workspace = path.resolve(options.workspace);
  const [python, trainerDir] = await Promise.all([
    findForSupervising(run, { ...options.python, workspace, env }),
    trainerOfRun(run?.environment.trainer, options.trainerSource, options.cache),
  ]);
  try {
    await startSupervisor(options.dir, { python: python.path, trainerDir, env, options: ['--unasked'] });
  } catch (error) {
    if (!(error instanceof LaunchError)) throw error;
    const after = await readRun(options.dir);
    // Somebody else was faster, or it ended meanwhile.
    if (needsSupervisor(after) !== undefined) throw error;
  }
}

/** The folder belongs to the user who runs this process. Systems without owners have one user. */
async function isOwn(dir: string): Promise<boolean> {
  const me = process.getuid?.();
  return me === undefined || (await lstat(dir)).uid === me;
}
