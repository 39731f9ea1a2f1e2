import { spawn, type ChildProcess } from 'node:child_process';
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseRecord } from '../contract/parse';
import { RunDir } from '../rundir/layout';
import { readEnd, readPlain } from '../rundir/plainFile';
import { LaunchError } from './errors';
import { type Env, lastCause, trainerArguments, trainerEnvironment } from './trainerProcess';

export interface SupervisorOptions {
  /** Path of the interpreter. */
  readonly python: string;
  /** The folder of installTrainer. */
  readonly trainerDir: string;
  readonly env: Env;
  /** What else to tell it: `--resume`, … */
  readonly options?: readonly string[];
}

/** How long a supervisor may take to say that it is there: it imports nothing heavy. */
const PATIENCE = 30_000;
/** Bytes of what it printed, from the end, that are looked at for a cause. */
const QUOTED = 64 << 10;
/** Bytes of a status. One of ours has a thousand. */
const LARGEST = 4 << 20;
/** Missing where the system has no such thing. */
const { O_NOFOLLOW: NO_LINK = 0 } = constants as Partial<typeof constants>;

/**
 * Starts the supervisor of a run, detached: it outlives whoever called. Resolves once its status says that it has taken the
 * run on. Rejects with LaunchError when it does not, with what it said about that.
 */
export async function startSupervisor(dir: string, { python, trainerDir, env, options = [] }: SupervisorOptions): Promise<void> {
  const at = new RunDir(dir);
  // Descriptors of a file and no pipes: nothing that a run writes to may end with the process that started it.
  // A stranger's folder may have a link in its place: what it points to is not ours to write to.
  const log = await open(at.log, constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | NO_LINK, 0o666);
  const before = (await log.stat()).size;
  let child: ChildProcess;
  let failure: string | undefined;
  let exitCode: number | string | undefined;
  try {
    child = spawn(python, trainerArguments('supervise', dir, ...options), {
      cwd: dir, detached: true, env: trainerEnvironment(trainerDir, env), stdio: ['ignore', log.fd, log.fd],
    });
    child.once('error', (error: NodeJS.ErrnoException) => (failure = error.code ?? error.message));
    child.once('exit', (code, signal) => (exitCode = code ?? signal ?? 'unknown'));
  } finally {
    await log.close();
  }
  const deadline = Date.now() + PATIENCE;
  while (!(await answers(at, child.pid))) {
    const dead = failure ?? exitCode;
    if (dead !== undefined) {
      if (await answers(at, child.pid)) break; // it said so between the two looks, and was quick to end
      const output = (await readEnd(at.log, QUOTED, before)).text;
      throw new LaunchError(
        'supervisor died', `The run's supervisor ended before it began (${lastCause(output) ?? `exit ${dead}`}).`,
        'Choose another Python, or install MiniLLM again.', output.slice(-4000),
      );
    }
    if (Date.now() > deadline) {
      child.kill('SIGKILL');
      throw new LaunchError(
        'no answer', `The run's supervisor did not answer within ${PATIENCE / 1000} s.`, 'Try again; if it stays so, look at the load of the machine.',
      );
    }
    await sleep(25);
  }
  child.unref();
}

/** This process has taken the run on: the status names it. */
async function answers(at: RunDir, pid: number | undefined): Promise<boolean> {
  const parsed = await readPlain(at.status, LARGEST).then(parseRecord, () => undefined);
  if (parsed?.ok !== true || parsed.value['run'] !== at.id) return false;
  const supervisor = parsed.value['supervisor'] as { readonly pid?: unknown } | null | undefined;
  return pid !== undefined && supervisor?.pid === pid;
}
