import path from 'node:path';
import * as vscode from 'vscode';
import type { Probe } from '../../contract/generated';
import { LaunchError } from '../../launch/errors';
import { listPythons, probePython, type PythonChoice, whyUnfit } from '../../launch/python';
import type { EditorContext } from '../context';
import { showWarning } from '../notify';
import type { PythonEnvironments } from './environments';
import { currentWorkspace, packageNames, usePython } from './select';

interface Looked {
  readonly choice: PythonChoice;
  readonly probe: Probe;
}

interface Plan extends vscode.QuickPickItem {
  readonly carryOut: () => Promise<boolean>;
}

/** Compiling all of torch's and transformers' modules takes longer than installing them; Python compiles what it imports. */
const PIP_INSTALL = ['-m', 'pip', 'install', '--disable-pip-version-check', '--no-compile'];

/**
 * Set Up Python Environment: completes an environment that has torch but not all the rest, or makes one of the
 * extension's own. It is done by tasks in a terminal that the user sees and can stop.
 */
export function registerSetUpPython(context: EditorContext, python: PythonEnvironments): void {
  context.command('minillm.setUpPython', async () => {
    const workspace = currentWorkspace(context);
    const [search, env, trainer] = await Promise.all([python.searchFor(workspace), python.environmentFor(workspace), python.trainer()]);
    const candidates = await listPythons({ ...search, workspace, env });
    const progress = { location: vscode.ProgressLocation.Window, title: 'MiniLLM: looking for Python' };
    const looked = await vscode.window.withProgress(progress, async () =>
      (await Promise.all(candidates.map((choice) => look(choice, trainer, env)))).filter((one) => one !== undefined));
    // What makes an environment need not be fit to train: it lacks packages, but it is new enough.
    const newEnough = ({ choice, probe }: Looked): boolean => whyUnfit(choice.path, probe)?.reason !== 'python too old';
    const base = looked.find((one) => !isWithin(one.choice.path, python.ownEnvironment) && newEnough(one));
    if (!base) {
      throw new LaunchError('no python', 'No Python of version 3.11 or newer was found to make an environment with.', 'Install one, then try again.');
    }
    const named = search.setting === undefined ? undefined : workspace;
    const plans = [...looked.flatMap((one) => completion(workspace, one)), ownEnvironment(context, python.ownEnvironment, base, named)];
    const plan = await vscode.window.showQuickPick(plans, { title: 'Set up a Python environment', placeHolder: 'What is installed, and where' });
    if (!plan) return;
    const done = await plan.carryOut();
    python.forget();
    if (!done) void showWarning('The Python environment is not complete: the terminal shows where it stopped. Setting it up again goes on from there.');
    else vscode.window.setStatusBarMessage('$(check) The Python environment is ready', 8000);
  });
}

async function look(choice: PythonChoice, trainer: string, env: Parameters<typeof probePython>[2]): Promise<Looked | undefined> {
  try {
    return { choice, probe: await probePython(choice.path, trainer, env) };
  } catch (error) {
    if (error instanceof LaunchError) return undefined;
    throw error;
  }
}

/** An environment that somebody gave torch is worth completing; one without is somebody's for something else. */
function completion(workspace: string, { choice, probe }: Looked): Plan[] {
  if (probe.packages['torch'] === undefined || probe.missing.length === 0) return [];
  return [{
    label: `$(package) Install ${packageNames(probe.missing)}`,
    description: `into ${choice.path}`,
    detail: `It has torch ${probe.packages['torch']} already.`,
    carryOut: async () => {
      const installed = await runTask('Install packages', choice.path, [...PIP_INSTALL, ...probe.missing]);
      if (installed) await usePython(workspace, choice.path);
      return installed;
    },
  }];
}

/** `named`: the workspace, where a setting names a Python for it. */
function ownEnvironment(context: EditorContext, folder: string, base: Looked, named: string | undefined): Plan {
  const own = path.join(folder, process.platform === 'win32' ? 'Scripts/python.exe' : 'bin/python');
  return {
    label: '$(add) Make an environment for MiniLLM',
    description: `with Python ${base.probe.pythonVersion}`,
    detail: `Downloads PyTorch and Transformers into ${folder}: 0.3 GB for a CPU; on Linux, where PyTorch comes with CUDA, about 3 GB`,
    carryOut: async () => {
      const requirements = (name: string): string => context.shipped('trainer', name);
      const steps: [name: string, program: string, args: string[]][] = [
        ['Make the environment', base.choice.path, ['-m', 'venv', folder]],
        ['Install Transformers', own, [...PIP_INSTALL, '--no-deps', '--require-hashes', '-r', requirements('requirements.txt')]],
        ['Install PyTorch', own, [...PIP_INSTALL, '-r', requirements('requirements-torch.txt')]],
      ];
      for (const [name, program, args] of steps) if (!(await runTask(name, program, args))) return false;
      // A setting that names another one would come first.
      if (named !== undefined) await usePython(named, own);
      return true;
    },
  };
}

/** Runs a program in a terminal that the user sees; true when it ended well. */
async function runTask(name: string, program: string, args: readonly string[]): Promise<boolean> {
  const scope = vscode.workspace.workspaceFolders === undefined ? vscode.TaskScope.Global : vscode.TaskScope.Workspace;
  const task = new vscode.Task({ type: 'minillm' }, scope, name, 'MiniLLM', new vscode.ProcessExecution(program, [...args]));
  const { TaskRevealKind: { Always }, TaskPanelKind: { Shared } } = vscode;
  task.presentationOptions = { reveal: Always, panel: Shared, clear: false, showReuseMessage: false };
  const execution = await vscode.tasks.executeTask(task);
  return new Promise((resolve) => {
    // The end of the process tells its exit code; the end of the task comes even when no process ever began.
    const listeners = [
      vscode.tasks.onDidEndTaskProcess((end) => end.execution === execution && settle(end.exitCode === 0)),
      vscode.tasks.onDidEndTask((end) => end.execution === execution && setTimeout(() => settle(false), 500)),
    ];
    const settle = (ok: boolean): void => {
      for (const listener of listeners) listener.dispose();
      resolve(ok);
    };
  });
}

function isWithin(file: string, folder: string): boolean {
  return file.startsWith(folder + path.sep);
}
