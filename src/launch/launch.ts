import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { access, constants, copyFile, mkdir, open, readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Config, Probe, Run } from '../contract/generated';
import { parseRecord, VERSION } from '../contract/parse';
import { newRunId, RunDir } from '../rundir/layout';
import { LaunchError } from './errors';
import { collectProvenance } from './provenance';
import type { PythonChoice } from './python';
import { type Env, lastCause, runPython, trainerArguments, trainerEnvironment } from './trainerProcess';

export interface LaunchOptions {
  readonly python: PythonChoice;
  readonly probe: Probe;
  /** The folder of installTrainer. */
  readonly trainerDir: string;
  /** As resolved by the trainer. */
  readonly resolved: Config;
  /** Path of the config as the user wrote it. */
  readonly config: string;
  readonly workspace: string;
  /** In place of the config's own. */
  readonly runsFolder?: string | undefined;
  readonly env: Env;
}

export interface LaunchedRun {
  readonly id: string;
  readonly dir: string;
}

/** How long a supervisor may take to say that it is there: it imports nothing heavy. */
const PATIENCE = 30_000;
const LIST_PACKAGES = 'import importlib.metadata as m; print("\\n".join(sorted({f"{d.name}=={d.version}" for d in m.distributions()}, key=str.lower)))';

export function refuseUnsupportedPlatform(platform: NodeJS.Platform = process.platform): void {
  if (platform !== 'win32') return;
  throw new LaunchError(
    'unsupported platform', 'Runs cannot be started on Windows itself yet; they can be viewed.',
    'Open the workspace in WSL or on a remote machine, and start the run there.',
  );
}

/**
 * Makes a run folder and starts its supervisor, detached: it outlives whoever called. Resolves once the supervisor has
 * written its first status. Rejects with LaunchError, and then leaves no run folder behind.
 */
export async function launchRun(options: LaunchOptions): Promise<LaunchedRun> {
  refuseUnsupportedPlatform();
  const runsFolder = path.resolve(options.workspace, options.runsFolder ?? options.resolved.runsFolder);
  await prepareRunsFolder(runsFolder);
  // Filled under a name that no reader takes for a run, then put in its place whole.
  const stage = path.join(runsFolder, `.launch-${randomBytes(6).toString('hex')}`);
  let dir: string | undefined;
  try {
    dir = await fill(stage, runsFolder, options);
    await superviseRun(dir, options);
    return { id: path.basename(dir), dir };
  } catch (error) {
    for (const folder of [stage, dir]) if (folder !== undefined) await rm(folder, { recursive: true, force: true });
    if (error instanceof LaunchError) throw error;
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown error';
    throw new LaunchError(
      'runs folder', `The run's folder cannot be made in ${runsFolder} (${code}).`,
      'Choose another place with "runsFolder" in the config.', String(error),
    );
  }
}

/** The folder of all runs, ignored by git as a whole. */
async function prepareRunsFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true });
    await access(folder, constants.W_OK | constants.X_OK);
    await writeFile(path.join(folder, '.gitignore'), '*\n', { flag: 'wx' }).catch((error: unknown) => {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    });
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown error';
    throw new LaunchError(
      'runs folder', `Runs cannot be written to ${folder} (${code}).`,
      'Make it writable, or choose another place with "runsFolder" in the config.', String(error),
    );
  }
}

async function fill(stage: string, runsFolder: string, options: LaunchOptions): Promise<string> {
  const { python, probe, resolved, workspace } = options;
  const at = new RunDir(stage);
  for (const folder of [at.path, at.control, at.controlDone, at.controlTrainer, at.provenance]) await mkdir(folder);
  await copyFile(options.config, at.config);
  await writeFile(at.log, '');
  const [provenance, packages] = await Promise.all([
    collectProvenance(workspace, at.provenance),
    runPython(python.path, ['-I', '-c', LIST_PACKAGES], trainerEnvironment(options.trainerDir, options.env), PATIENCE),
  ]);
  if (packages.code === 0) await writeFile(path.join(at.provenance, 'packages.txt'), packages.stdout);
  const created = new Date();
  const id = await claimId(runsFolder, newRunId(resolved.name, created));
  const dir = path.join(runsFolder, id);
  const run: Run = {
    v: VERSION,
    id,
    name: resolved.name,
    created: created.getTime() / 1000,
    config: resolved,
    configSource: path.resolve(options.config),
    workspace: path.resolve(workspace),
    provenance,
    command: [python.path, ...trainerArguments('supervise', dir)],
    environment: {
      python: python.path, reason: python.reason, pythonVersion: probe.pythonVersion, packages: probe.packages, devices: probe.devices,
    },
    parent: null,
  };
  await writeFile(at.run, `${JSON.stringify(run, null, 1)}\n`);
  await rename(stage, dir);
  return dir;
}

/** Takes an id by making its folder, which can happen only once: two launches in one second get two ids. */
async function claimId(runsFolder: string, wanted: string): Promise<string> {
  for (let n = 1; ; n++) {
    const id = n === 1 ? wanted : `${wanted}-${n}`;
    try {
      await mkdir(path.join(runsFolder, id));
      return id;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
  }
}

async function superviseRun(dir: string, { python, trainerDir, env }: LaunchOptions): Promise<void> {
  const at = new RunDir(dir);
  // Descriptors of a file and no pipes: nothing that a run writes to may end with the process that started it.
  const log = await open(at.log, 'a');
  let child: ChildProcess;
  let failure: string | undefined;
  let exitCode: number | string | undefined;
  try {
    child = spawn(python.path, trainerArguments('supervise', dir), {
      cwd: dir, detached: true, env: trainerEnvironment(trainerDir, env), stdio: ['ignore', log.fd, log.fd],
    });
    child.once('error', (error: NodeJS.ErrnoException) => (failure = error.code ?? error.message));
    child.once('exit', (code, signal) => (exitCode = code ?? signal ?? 'unknown'));
  } finally {
    await log.close();
  }
  const deadline = Date.now() + PATIENCE;
  while (!(await answers(at))) {
    const dead = failure ?? exitCode;
    if (dead !== undefined) {
      if (await answers(at)) break; // it said so between the two looks, and was quick to end
      const output = await readFile(at.log, 'utf8').catch(() => '');
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

/** The supervisor has taken this run on: its status names it. */
async function answers(at: RunDir): Promise<boolean> {
  const parsed = await readFile(at.status, 'utf8').then(parseRecord, () => undefined);
  return parsed?.ok === true && parsed.value['run'] === at.id;
}
