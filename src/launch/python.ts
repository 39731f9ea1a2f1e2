import { access, constants } from 'node:fs/promises';
import path from 'node:path';
import type { Probe } from '../contract/generated';
import { parseRecord } from '../contract/parse';
import { installCommand } from '../present/shell';
import { LaunchError } from './errors';
import { resolveProgram } from './expand';
import { type Env, lastCause, runPython, trainerArguments, trainerEnvironment } from './trainerProcess';

/** An interpreter, and one sentence that says why it is this one. */
export interface PythonChoice {
  readonly path: string;
  readonly reason: string;
}

export interface PythonSearch {
  readonly workspace?: string | undefined;
  /** What the user named: a path, the folder of an environment, or a command. */
  readonly setting?: string | undefined;
  /** Where it was named, in words. Default: the editor's setting. */
  readonly settingSource?: string | undefined;
  /** What the editor's Python extension has chosen for the workspace. */
  readonly editorChoice?: string | undefined;
  /** Virtual environments that this product made: folders. */
  readonly productEnvironments?: readonly string[] | undefined;
  readonly env: Env;
}

/** Oldest Python that the trainer's packages run on. */
export const OLDEST_PYTHON = '3.11';
/** The first import of torch from a cold disk takes its time. */
const PROBE_TIMEOUT = 90_000;

const INSTALL = `Install Python ${OLDEST_PYTHON} or newer, or name one with the setting "minillm.pythonPath" or the variable MINILLM_PYTHON.`;

const executableOf = (environment: string): string =>
  process.platform === 'win32' ? path.join(environment, 'Scripts', 'python.exe') : path.join(environment, 'bin', 'python');

async function isExecutable(file: string): Promise<boolean> {
  try {
    await access(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** The first executable of that name on the PATH. */
async function onPath(name: string, env: Env): Promise<string | undefined> {
  for (const folder of (env['PATH'] ?? '').split(path.delimiter)) {
    if (!path.isAbsolute(folder)) continue; // an empty or relative entry means the working directory: not ours to trust
    const file = path.join(folder, process.platform === 'win32' ? `${name}.exe` : name);
    if (await isExecutable(file)) return file;
  }
  return undefined;
}

/** A path, a folder of a virtual environment, or a command's name, as people write it; undefined when there is nothing. */
async function locate(text: string, search: PythonSearch): Promise<string | undefined> {
  const file = resolveProgram(text, search);
  if (!path.isAbsolute(file)) return onPath(file, search.env);
  if (await isExecutable(executableOf(file))) return executableOf(file);
  return (await isExecutable(file)) ? file : undefined;
}

interface Named {
  /** As the user wrote it. */
  readonly text: string;
  readonly source: string;
  /** Undefined when it leads nowhere. */
  readonly choice: PythonChoice | undefined;
}

/** What the user named: the setting counts before the variable. */
async function namedPythons(search: PythonSearch): Promise<Named[]> {
  const out: Named[] = [];
  const settingSource = search.settingSource ?? 'the setting "minillm.pythonPath"';
  for (const [text, source] of [[search.setting, settingSource], [search.env['MINILLM_PYTHON'], 'the variable MINILLM_PYTHON']] as const) {
    if (text === undefined || text.trim() === '') continue;
    const file = await locate(text.trim(), search);
    out.push({ text, source, choice: file === undefined ? undefined : { path: file, reason: `Named by ${source}.` } });
  }
  return out;
}

/** What there is where interpreters usually are, best first. */
async function foundPythons(search: PythonSearch): Promise<PythonChoice[]> {
  const out: PythonChoice[] = [];
  const add = async (file: string | undefined, reason: string): Promise<void> => {
    if (file !== undefined && (await isExecutable(file)) && !out.some((other) => other.path === file)) out.push({ path: file, reason });
  };
  if (search.editorChoice !== undefined) {
    await add(await locate(search.editorChoice, search), 'Chosen in the Python extension for this workspace.');
  }
  if (search.workspace !== undefined) {
    for (const name of ['.venv', 'venv']) await add(executableOf(path.join(search.workspace, name)), `Found in the workspace's ${name}.`);
  }
  for (const name of ['VIRTUAL_ENV', 'CONDA_PREFIX']) {
    const folder = search.env[name];
    if (folder !== undefined && path.isAbsolute(folder)) await add(executableOf(folder), `The environment that is active in the shell (${name}).`);
  }
  for (const folder of search.productEnvironments ?? []) await add(executableOf(folder), 'The environment that MiniLLM set up.');
  for (const name of ['python3', 'python']) await add(await onPath(name, search.env), `${name} on the PATH.`);
  return out;
}

/** Rejects with LaunchError when the user named an interpreter that does not exist: no other may stand in for it. */
async function namedPython(search: PythonSearch): Promise<PythonChoice | undefined> {
  const [named] = await namedPythons(search);
  if (named === undefined || named.choice !== undefined) return named?.choice;
  const { text, source } = named;
  throw new LaunchError('no python', `There is no Python at "${text}", which ${source} names.`, `Correct ${source}, or leave it empty to have one found.`);
}

/** Every interpreter worth a try, best first, for a person to choose from: a name that leads nowhere is left out. */
export async function listPythons(search: PythonSearch): Promise<PythonChoice[]> {
  const named = (await namedPythons(search)).flatMap(({ choice }) => choice ?? []);
  const found = await foundPythons(search);
  return [...named, ...found].filter((choice, i, all) => all.findIndex((other) => other.path === choice.path) === i);
}

/** The first interpreter there is, in the order of the documentation. Rejects when one that the user named does not exist. */
export async function findPython(search: PythonSearch): Promise<PythonChoice | undefined> {
  return (await namedPython(search)) ?? (await foundPythons(search))[0];
}

/** Asks an interpreter what it has. Rejects with LaunchError only when it cannot answer at all. */
export async function probePython(python: string, trainerDir: string, env: Env): Promise<Probe> {
  const trainerEnv = trainerEnvironment(trainerDir, env);
  const answer = await runPython(python, trainerArguments('probe'), trainerEnv, PROBE_TIMEOUT);
  const parsed = parseRecord(answer.stdout);
  if (answer.code === 0 && parsed.ok) return parsed.value as unknown as Probe;
  if (answer.timedOut) {
    throw new LaunchError('python broken', `${python} did not say what it has within ${PROBE_TIMEOUT / 1000} s.`, 'Try again; if it stays so, choose another Python.');
  }
  // An interpreter older than the trainer does not know -P, or the trainer's syntax: its version says so better than its error.
  const version = await runPython(python, ['-c', 'import sys; print("%d.%d.%d" % sys.version_info[:3])'], trainerEnv, PROBE_TIMEOUT);
  const pythonVersion = /^\d+\.\d+\.\d+/.exec(version.stdout)?.[0];
  if (pythonVersion === undefined) {
    const cause = version.failure ?? lastCause(version.stderr) ?? 'no output';
    throw new LaunchError('python broken', `${python} does not run (${cause}).`, INSTALL, version.stderr);
  }
  if (isOlder(pythonVersion, OLDEST_PYTHON)) {
    const problem = `Python ${pythonVersion} is too old: ${OLDEST_PYTHON} or newer is needed.`;
    return { pythonVersion, executable: python, packages: {}, missing: [], problems: [problem], devices: [] };
  }
  const cause = lastCause(answer.stderr) ?? `exit code ${answer.code ?? 'none'}`;
  throw new LaunchError('python broken', `${python} cannot run the trainer (${cause}).`, 'Choose another Python.', answer.stderr);
}

function isOlder(version: string, than: string): boolean {
  const a = version.split('.').map(Number);
  const b = than.split('.').map(Number);
  for (let i = 0; i < b.length; i++) {
    if ((a[i] ?? 0) !== (b[i] ?? 0)) return (a[i] ?? 0) < (b[i] ?? 0);
  }
  return false;
}

/** Why this interpreter cannot train, or undefined when it can. */
export function whyUnfit(python: string, probe: Probe): LaunchError | undefined {
  if (isOlder(probe.pythonVersion, OLDEST_PYTHON)) {
    return new LaunchError('python too old', `Python ${probe.pythonVersion} (${python}) is too old: ${OLDEST_PYTHON} or newer is needed.`, INSTALL);
  }
  if (probe.missing.length > 0) {
    const present = probe.packages['torch'] === undefined ? '' : ` has torch ${probe.packages['torch']} but`;
    return new LaunchError(
      'packages missing', `${python}${present} lacks ${probe.missing.join(', ')}.`,
      `Install with: ${installCommand(python, probe.missing)}`,
    );
  }
  return undefined;
}

export interface ReadyPython {
  readonly choice: PythonChoice;
  readonly probe: Probe;
}

/**
 * The interpreter to train with, probed. One that the user named decides, fit or not; of those that were found, the
 * first that can train is taken, and its reason says which were passed over. Rejects with LaunchError when none can.
 */
export async function choosePython(search: PythonSearch, trainerDir: string): Promise<ReadyPython> {
  const named = await namedPython(search);
  const errors: LaunchError[] = [];
  for (const choice of named ? [named] : await foundPythons(search)) {
    try {
      const probe = await probePython(choice.path, trainerDir, search.env);
      const unfit = whyUnfit(choice.path, probe);
      if (unfit) throw unfit;
      const passedOver = errors.map(({ message }) => `Passed over: ${message}`);
      return { choice: { path: choice.path, reason: [choice.reason, ...passedOver].join(' ') }, probe };
    } catch (error) {
      if (!(error instanceof LaunchError)) throw error;
      errors.push(error);
    }
  }
  throw errors[0] ?? new LaunchError('no python', 'No Python was found: not in the workspace, not in the shell, not on the PATH.', INSTALL);
}
