import * as vscode from 'vscode';
import type { Probe } from '../../contract/generated';
import { LaunchError } from '../../launch/errors';
import { writtenProgram } from '../../launch/expand';
import { listPythons, probePython, type PythonChoice, whyUnfit } from '../../launch/python';
import type { EditorContext } from '../context';
import type { PythonEnvironments } from './environments';

interface PythonItem extends vscode.QuickPickItem {
  readonly act: () => Thenable<unknown>;
}

/** Select Python Environment: every candidate with the reason why it is one, and what a probe finds in it. */
export function registerSelectPython(context: EditorContext, python: PythonEnvironments): void {
  context.command('minillm.selectPython', async () => {
    const workspace = currentWorkspace(context);
    const [search, env, trainer] = await Promise.all([python.searchFor(workspace), python.environmentFor(workspace), python.trainer()]);
    const candidates = await listPythons({ ...search, workspace, env });
    const details = candidates.map(() => 'looking …');
    const pick = vscode.window.createQuickPick<PythonItem>();
    let open = true;
    const draw = (): void => {
      if (open) pick.items = items(workspace, candidates, details, search.setting !== undefined);
    };
    const chosen = new Promise<PythonItem | undefined>((resolve) => {
      pick.onDidAccept(() => resolve(pick.selectedItems[0]));
      pick.onDidHide(() => resolve(undefined));
    });
    pick.title = 'Python environment that trains';
    pick.placeholder = 'The first that can train is used unless you choose one';
    pick.matchOnDescription = true;
    pick.keepScrollPosition = true;
    pick.busy = true;
    draw();
    pick.show();
    const probes = candidates.map(async (candidate, i) => {
      details[i] = await describe(candidate, trainer, env);
      draw();
    });
    context.background('Looking at Python environments', Promise.all(probes).then(() => {
      if (open) pick.busy = false;
    }));
    try {
      await (await chosen)?.act();
    } finally {
      open = false;
      pick.dispose();
    }
  });
}

/** The folder that a choice of Python is made for when no config says so. */
export function currentWorkspace(context: EditorContext): string {
  const active = vscode.window.activeTextEditor?.document.uri;
  const folder = (active && vscode.workspace.getWorkspaceFolder(active)) ?? vscode.workspace.workspaceFolders?.find(({ uri }) => uri.scheme === 'file');
  return folder?.uri.fsPath ?? context.storage();
}

function items(workspace: string, candidates: readonly PythonChoice[], details: readonly string[], named: boolean): PythonItem[] {
  const all = candidates.map((candidate, i): PythonItem => ({
    label: `$(symbol-misc) ${candidate.path}`,
    description: candidate.reason,
    detail: details[i] ?? '',
    act: () => usePython(workspace, candidate.path),
  }));
  all.push(
    { label: 'or', kind: vscode.QuickPickItemKind.Separator, act: () => Promise.resolve() },
    { label: '$(add) Set up an environment', description: 'kept by the extension, with all that training needs', act: () => vscode.commands.executeCommand('minillm.setUpPython') },
    { label: '$(folder-opened) Choose an interpreter …', act: () => browse(workspace) },
  );
  if (named) all.push({ label: '$(discard) Choose automatically', description: 'clears the setting minillm.pythonPath', act: () => usePython(workspace, undefined) });
  return all;
}

async function browse(workspace: string): Promise<void> {
  const [file] = (await vscode.window.showOpenDialog({ title: 'Python interpreter', openLabel: 'Use' })) ?? [];
  if (file) await usePython(workspace, file.fsPath);
}

/**
 * Writes the choice where it counts: in the workspace when there is one, or in its folder where that says otherwise. No choice
 * clears the setting wherever it is set. Where there are several folders, a choice is that of its folder alone.
 */
export async function usePython(workspace: string, file: string | undefined): Promise<void> {
  const { Global, Workspace, WorkspaceFolder } = vscode.ConfigurationTarget;
  const settings = vscode.workspace.getConfiguration('minillm', vscode.Uri.file(workspace));
  const { globalValue, workspaceValue, workspaceFolderValue } = settings.inspect<string>('pythonPath') ?? {};
  const folders = vscode.workspace.workspaceFolders ?? [];
  if (folders.length > 1) {
    // What all folders share stays as it is: an empty setting of the folder's own comes before it.
    const shared = workspaceValue || globalValue;
    await settings.update('pythonPath', file === undefined ? (shared ? '' : undefined) : writtenProgram(file, workspace), WorkspaceFolder);
    return;
  }
  if (file !== undefined) {
    const inWorkspace = workspaceFolderValue === undefined ? Workspace : WorkspaceFolder;
    if (folders.length === 0) await settings.update('pythonPath', file, Global);
    else await settings.update('pythonPath', writtenProgram(file, workspace), inWorkspace);
    return;
  }
  for (const [target, value] of [[Global, globalValue], [Workspace, workspaceValue], [WorkspaceFolder, workspaceFolderValue]] as const) {
    if (value !== undefined) await settings.update('pythonPath', undefined, target);
  }
}

async function describe({ path }: PythonChoice, trainer: string, env: Parameters<typeof probePython>[2]): Promise<string> {
  try {
    const probe = await probePython(path, trainer, env);
    const unfit = whyUnfit(path, probe);
    return unfit ? `$(warning) Python ${probe.pythonVersion} · ${lacking(probe) ?? unfit.message}` : `$(check) ${summary(probe)}`;
  } catch (error) {
    return `$(error) ${error instanceof LaunchError ? error.message : String(error)}`;
  }
}

function lacking({ missing }: Probe): string | undefined {
  return missing.length === 0 ? undefined : `lacks ${packageNames(missing)}`;
}

/** "torch>=2.6" → "torch" */
export function packageNames(requirements: readonly string[]): string {
  return requirements.map((one) => one.replace(/[^\w.-].*$/, '')).join(', ');
}

function summary({ pythonVersion, packages, devices }: Probe): string {
  const versions = ['torch', 'transformers'].map((name) => packages[name] !== undefined && `${name} ${packages[name]}`);
  return [`Python ${pythonVersion}`, ...versions, devices.join(', ')].filter(Boolean).join(' · ');
}
