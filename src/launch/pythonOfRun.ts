import type { Run } from '../contract/generated';
import { LaunchError } from './errors';
import { choosePython, findPython, listPythons, probePython, type PythonChoice, type PythonSearch, type ReadyPython, whyUnfit } from './python';

/**
 * The interpreter that a run was launched with, if it is one of those that would be found now. A run folder is no
 * authority on what may be executed: one that nobody would find stays where it is.
 */
async function ownPython(run: Run, search: PythonSearch): Promise<PythonChoice | undefined> {
  const own = run.environment.python;
  return (await listPythons(search)).some(({ path }) => path === own) ? { path: own, reason: 'The run was launched with it.' } : undefined;
}

/** The interpreter to train on with: the run's own where it can still train, else the one that a new run would get. */
export async function chooseForRun(run: Run, search: PythonSearch, trainerDir: string): Promise<ReadyPython> {
  const own = isNamed(search) ? undefined : await ownPython(run, search);
  if (own !== undefined) {
    const probe = await probePython(own.path, trainerDir, search.env).catch(() => undefined);
    if (probe !== undefined && whyUnfit(own.path, probe) === undefined) return { choice: own, probe };
  }
  return choosePython(search, trainerDir);
}

/** An interpreter that can supervise, which takes no packages. Rejects with LaunchError when there is none. */
export async function findForSupervising(run: Run | undefined, search: PythonSearch): Promise<PythonChoice> {
  const found = (run && (await ownPython(run, search))) ?? (await findPython(search));
  if (found === undefined) throw new LaunchError('no python', 'No Python was found to supervise the run.', 'Name one with the setting "minillm.pythonPath" or the variable MINILLM_PYTHON.');
  return found;
}

const isNamed = ({ setting }: PythonSearch): boolean => setting !== undefined && setting.trim() !== '';
