import path from 'node:path';
import * as vscode from 'vscode';
import { ConfigError } from '../../launch/errors';
import { startRun } from '../../launch/start';
import type { ConfigDiagnostics } from '../config/diagnostics';
import { isConfig, pickConfig, workspaceOf } from '../config/files';
import type { EditorContext } from '../context';
import type { PythonEnvironments } from '../python/environments';
import type { RunsFolders } from './folders';
import type { RunRegistry } from './registry';

export interface StartDeps {
  readonly runs: RunRegistry;
  readonly folders: RunsFolders;
  readonly python: PythonEnvironments;
  readonly diagnostics: ConfigDiagnostics;
  readonly openPanel: (dir: string) => void | Promise<void>;
}

/** Run Distillation: the config that was given, else the one that is open, else one that the user chooses. Returns the run's folder. */
export function registerStartRun(context: EditorContext, { runs, folders, python, diagnostics, openPanel }: StartDeps): void {
  const launching = new Set<string>();

  context.command('minillm.run', async (given) => {
    const config = await configToRun(given);
    if (!config || launching.has(config.toString())) return undefined;
    launching.add(config.toString());
    try {
      return await start(config);
    } finally {
      launching.delete(config.toString());
    }
  });

  async function start(config: vscode.Uri): Promise<string | undefined> {
    const document = vscode.workspace.textDocuments.find((one) => one.uri.toString() === config.toString());
    if (document?.isDirty && !(await document.save())) return undefined;
    const workspace = workspaceOf(config);
    const started = await vscode.window.withProgress({ location: vscode.ProgressLocation.Window, title: 'MiniLLM' }, async (progress) => {
      progress.report({ message: 'starting a run' });
      try {
        return await startRun({
          config: config.fsPath,
          workspace,
          trainerSource: context.shipped('trainer'),
          python: await python.searchFor(workspace),
          env: await python.environmentFor(workspace),
          onProgress: (message) => progress.report({ message }),
        });
      } catch (error) {
        if (error instanceof ConfigError) diagnostics.show(config, error.problems);
        throw error;
      }
    });
    context.log.info(`Started ${started.dir} with ${started.python.choice.path}. ${started.python.choice.reason}`);
    python.keep(workspace, started.python);
    diagnostics.show(config, started.warnings);
    await folders.remember(path.dirname(started.dir));
    await runs.refresh();
    await openPanel(started.dir);
    return started.dir;
  }
}

async function configToRun(given: unknown): Promise<vscode.Uri | undefined> {
  if (given instanceof vscode.Uri) return given;
  const active = vscode.window.activeTextEditor?.document;
  if (active && isConfig(active)) return active.uri;
  return pickConfig();
}
