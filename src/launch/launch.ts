import { randomBytes } from 'node:crypto';
import { access, constants, copyFile, link, mkdir, readdir, rename, rm, rmdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Config, Parent, Probe, Run } from '../contract/generated';
import { VERSION } from '../contract/parse';
import { newRunId, RunDir } from '../rundir/layout';
import { describeDataFiles } from './dataFiles';
import { LaunchError } from './errors';
import { describeModelFiles } from './modelFiles';
import { collectProvenance } from './provenance';
import type { PythonChoice } from './python';
import { startSupervisor } from './supervisor';
import { type Env, runPython, trainerArguments, trainerEnvironment } from './trainerProcess';

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
  /** The checkpoint that the student starts from, in place of the config's own. */
  readonly fork?: Start | undefined;
  readonly env: Env;
}

/** A checkpoint to start from. */
export interface Start {
  readonly parent: Parent;
  /** Folder of the checkpoint. */
  readonly folder: string;
}

export interface LaunchedRun {
  readonly id: string;
  readonly dir: string;
}

/** What tells of this machine and its user is for nobody else's eyes. */
const PRIVATE = { mode: 0o600 } as const;
/** How long an interpreter may take to list its packages. */
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
    await startSupervisor(dir, { python: options.python.path, trainerDir: options.trainerDir, env: options.env });
    return { id: path.basename(dir), dir };
  } catch (error) {
    for (const folder of [stage, dir]) if (folder !== undefined) await rm(folder, { recursive: true, force: true });
    if (error instanceof LaunchError) throw error;
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown error';
    throw new LaunchError(
      'runs folder', `The run's folder cannot be made in ${runsFolder} (${code}).`,
      'Choose another place with "runsFolder" in the config or the setting "minillm.runsFolder".', String(error),
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
      'Make it writable, or choose another place with "runsFolder" in the config or the setting "minillm.runsFolder".', String(error),
    );
  }
}

async function fill(stage: string, runsFolder: string, options: LaunchOptions): Promise<string> {
  const { python, workspace } = options;
  const at = new RunDir(stage);
  for (const folder of [at.path, at.control, at.controlDone, at.controlTrainer]) await mkdir(folder);
  await mkdir(at.provenance, { mode: 0o700 });
  await copyFile(options.config, at.config);
  await writeFile(at.log, '');
  const [provenance, dataFiles, modelFiles, packages] = await Promise.all([
    collectProvenance(workspace, at.provenance),
    describeDataFiles(options.resolved),
    describeModelFiles(options.resolved, options.fork !== undefined),
    runPython(python.path, ['-I', '-c', LIST_PACKAGES], trainerEnvironment(options.trainerDir, options.env), PATIENCE),
  ]);
  if (packages.code === 0) await writeFile(path.join(at.provenance, 'packages.txt'), packages.stdout, PRIVATE);
  const created = new Date();
  const id = await claimId(runsFolder, newRunId(options.resolved.name, created));
  const dir = path.join(runsFolder, id);
  try {
    const { fork } = options;
    const { resolved, parent } = fork ? await takeStart(fork, stage, dir, options.resolved) : { resolved: options.resolved, parent: null };
    const known = { id, created: created.getTime() / 1000, config: resolved, parent, provenance, dataFiles, modelFiles };
    await writeFile(at.run, `${JSON.stringify(recordOf(known, dir, options), null, 1)}\n`, PRIVATE);
    await rename(stage, dir);
    return dir;
  } catch (error) {
    await rmdir(dir).catch(() => undefined); // it is empty: its name alone was taken
    throw error;
  }
}

type Known = Pick<Run, 'id' | 'created' | 'config' | 'parent' | 'provenance' | 'dataFiles' | 'modelFiles'>;

function recordOf(known: Known, dir: string, { python, probe, workspace, config, trainerDir }: LaunchOptions): Run {
  return {
    v: VERSION,
    ...known,
    name: known.config.name,
    configSource: path.resolve(config),
    workspace: path.resolve(workspace),
    command: [python.path, ...trainerArguments('supervise', dir)],
    environment: {
      python: python.path, reason: python.reason, pythonVersion: probe.pythonVersion, packages: probe.packages, devices: probe.devices,
      trainer: path.basename(trainerDir),
    },
  };
}

/**
 * Gives a fork weights of its own, in `start/`: whatever happens to the other run, this one can begin and be read. Files are
 * linked where the disk allows it: a checkpoint is never changed, only deleted.
 */
async function takeStart(start: Start, stage: string, dir: string, resolved: Config): Promise<{ resolved: Config; parent: Parent }> {
  const folder = path.join(stage, 'start');
  await mkdir(folder);
  for (const entry of await readdir(start.folder, { withFileTypes: true })) {
    if (!entry.isFile()) continue; // its `state/` belongs to the other run
    const [from, to] = [path.join(start.folder, entry.name), path.join(folder, entry.name)];
    await link(from, to).catch(() => copyFile(from, to));
  }
  const model = path.join(dir, 'start');
  const student = { ...resolved.student, model, init: 'weights' as const, revision: null, tokenizer: null };
  return { resolved: { ...resolved, student }, parent: start.parent };
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
