import os from 'node:os';
import path from 'node:path';
import * as vscode from 'vscode';
import { LaunchError } from '../../launch/errors';
import { listPythons } from '../../launch/python';
import { RunDir } from '../../rundir/layout';
import { readEnd } from '../../rundir/plainFile';
import type { EditorContext } from '../context';
import type { PythonEnvironments } from '../python/environments';
import { currentWorkspace } from '../python/select';
import type { RunsFolders } from '../runs/folders';
import type { ListedRun, RunRegistry } from '../runs/registry';
import { redact } from './redact';

export interface DiagnosticsDeps {
  readonly runs: RunRegistry;
  readonly folders: RunsFolders;
  readonly python: PythonEnvironments;
}

const LOG_LINES = 40;
const LOG_BYTES = 64 << 10;

/** Collect Diagnostics: a text to read through and paste into a report. Nothing is sent anywhere. */
export function registerCollectDiagnostics(context: EditorContext, deps: DiagnosticsDeps): void {
  context.command('minillm.collectDiagnostics', async () => {
    const sections = await vscode.window.withProgress({ location: vscode.ProgressLocation.Window, title: 'MiniLLM: collecting diagnostics' }, () => collect(context, deps));
    const content = redact(sections.join('\n'), os.homedir());
    await vscode.window.showTextDocument(await vscode.workspace.openTextDocument({ content, language: 'plaintext' }));
  });
}

async function collect(context: EditorContext, deps: DiagnosticsDeps): Promise<string[]> {
  const { version } = context.extension.extension.packageJSON as { readonly version: string };
  const [newest] = deps.runs.runs;
  return [
    'MiniLLM diagnostics',
    'Read this through before you share it: tokens and your home folder are taken out, other names are not.',
    ...section('Versions', [
      `extension     ${version}`,
      `editor        ${vscode.env.appName} ${vscode.version}, ${vscode.env.appHost}${vscode.env.remoteName === undefined ? '' : `, remote ${vscode.env.remoteName}`}`,
      `system        ${os.type()} ${os.release()} ${os.arch()}, ${os.cpus().length} cores, ${Math.round(os.totalmem() / 2 ** 30)} GiB`,
      `node          ${process.versions.node}`,
      `trusted       ${vscode.workspace.isTrusted ? 'yes' : 'no'}`,
    ]),
    ...section('Python', vscode.workspace.isTrusted ? await pythonLines(context, deps.python) : ['not looked at: the workspace is not trusted']),
    ...section('Runs folders', deps.folders.all),
    ...section('Runs', deps.runs.runs.slice(0, 10).map(runLine)),
    ...(newest ? section(`Last lines of the newest run's log (${newest.summary.id})`, await lastLines(new RunDir(newest.summary.dir).log)) : []),
    ...section('Last lines of the extension\'s log', await lastLines(path.join(context.extension.logUri.fsPath, 'MiniLLM.log'))),
  ];
}

function section(title: string, lines: readonly string[]): string[] {
  return ['', title, '-'.repeat(title.length), ...(lines.length > 0 ? lines : ['none'])];
}

function runLine({ summary }: ListedRun): string {
  return `${summary.id}  ${summary.state}  ${summary.text}${summary.problem === undefined ? '' : ` ${summary.problem}`}`;
}

async function pythonLines(context: EditorContext, python: PythonEnvironments): Promise<string[]> {
  const workspace = currentWorkspace(context);
  const lines: string[] = [];
  try {
    const [search, env] = await Promise.all([python.searchFor(workspace), python.environmentFor(workspace)]);
    for (const { path: file, reason } of await listPythons({ ...search, workspace, env })) lines.push(`candidate     ${file}: ${reason}`);
    const { choice, probe } = await python.ready(workspace);
    lines.push(
      `chosen        ${choice.path}: ${choice.reason}`,
      `python        ${probe.pythonVersion}`,
      `devices       ${probe.devices.join(', ')}`,
      ...Object.entries(probe.packages).map(([name, version]) => `package       ${name} ${version ?? ''}`),
      ...probe.problems.map((problem) => `problem       ${problem}`),
    );
  } catch (error) {
    lines.push(`problem       ${error instanceof LaunchError ? `${error.message} ${error.fix}` : String(error)}`);
  }
  return lines;
}

/** The end of a text file, however large it is. */
async function lastLines(file: string): Promise<string[]> {
  const end = await readEnd(file, LOG_BYTES).catch(() => undefined);
  return end === undefined ? ['no log'] : end.text.trimEnd().split('\n').slice(-LOG_LINES);
}
