import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import * as vscode from 'vscode';
import { resolveProgram } from '../../launch/expand';
import type { EditorContext } from '../context';
import type { PythonEnvironments } from './environments';

const NAME = 'MINILLM_PYTHON';
/** Folders that terminals know a Python of: the editor keeps what they know, and for longer than a folder may be open. */
const KNOWN = 'python.terminalFolders';

/** In a terminal the command finds the Python that the setting names for the terminal's folder, as the editor does. */
export function followSetting(context: EditorContext, python: PythonEnvironments): void {
  const { environmentVariableCollection: variables, workspaceState } = context.extension;
  const update = (): void => {
    const folders = vscode.workspace.workspaceFolders ?? [];
    // What is said to all terminals may come before what is said to those of a folder.
    tell(variables, folders.length === 0 ? namedPython(undefined) : undefined);
    for (const folder of folders) tell(variables.getScoped({ workspaceFolder: folder }), namedPython(folder.uri));
    const here = folders.map(({ uri }) => uri.toString());
    // The editor tells folders apart by their place, which another one has taken.
    for (const gone of workspaceState.get<string[]>(KNOWN, []).filter((uri) => !here.includes(uri))) {
      tell(variables.getScoped({ workspaceFolder: { uri: vscode.Uri.parse(gone), name: '', index: -1 } }), undefined);
    }
    context.background('Noting the folders of terminals', Promise.resolve(workspaceState.update(KNOWN, here)));
  };
  context.register(python.onDidChange(update));
  context.register(vscode.workspace.onDidChangeWorkspaceFolders(update));
  update();
}

function tell(variables: vscode.EnvironmentVariableCollection, program: string | undefined): void {
  if (program !== undefined) variables.replace(NAME, program);
  else if (variables.get(NAME)) variables.delete(NAME);
}

/** As a path: what a setting may be relative to, a terminal knows nothing of. */
function namedPython(folder: vscode.Uri | undefined): string | undefined {
  const named = vscode.workspace.getConfiguration('minillm', folder ?? null).get<string>('pythonPath', '').trim();
  if (named === '' || !vscode.workspace.isTrusted) return undefined;
  return resolveProgram(named, { workspace: folder?.fsPath, env: process.env });
}

/**
 * Puts the command `minillm` on the PATH of integrated terminals. Its launcher runs the editor's own Node, so that none
 * has to be installed: on a desktop that is Electron, which ELECTRON_RUN_AS_NODE turns into Node. It names the environment that
 * the extension sets up, there or not yet: the command takes it where the editor would.
 */
export async function offerCommand(context: EditorContext, python: PythonEnvironments): Promise<void> {
  const folder = context.storage('bin');
  await mkdir(folder, { recursive: true });
  const cli = context.shipped('dist', 'cli.js');
  const windows = process.platform === 'win32';
  const launcher = windows ? windowsLauncher : posixLauncher;
  await writeLauncher(path.join(folder, windows ? 'minillm.cmd' : 'minillm'), launcher(cli, python.ownEnvironment));
  const variables = context.extension.environmentVariableCollection;
  variables.description = 'Puts the command `minillm` on the PATH.';
  variables.prepend('PATH', folder + path.delimiter, { applyAtProcessCreation: true, applyAtShellIntegration: true });
}

async function writeLauncher(file: string, text: string): Promise<void> {
  if ((await readFile(file, 'utf8').catch(() => undefined)) === text) return;
  await writeFile(file, text);
  await chmod(file, 0o755);
}

const quote = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

function posixLauncher(cli: string, environment: string): string {
  const variables = `ELECTRON_RUN_AS_NODE=1 MINILLM_ENVIRONMENT=${quote(environment)}`;
  return `#!/bin/sh\n# Written by the MiniLLM extension.\n${variables} exec ${quote(process.execPath)} ${quote(cli)} "$@"\n`;
}

function windowsLauncher(cli: string, environment: string): string {
  const variables = `set ELECTRON_RUN_AS_NODE=1\r\nset "MINILLM_ENVIRONMENT=${environment}"`;
  return `@echo off\r\nrem Written by the MiniLLM extension.\r\nsetlocal\r\n${variables}\r\n"${process.execPath}" "${cli}" %*\r\n`;
}
