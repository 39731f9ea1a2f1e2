import path from 'node:path';
import * as vscode from 'vscode';
import { ConfigError } from '../../launch/errors';
import { forkRun } from '../../launch/fork';
import { startRun, type StartOptions } from '../../launch/start';
import type { ConfigDiagnostics } from '../config/diagnostics';
import { isConfig, pickConfig, workspaceOf } from '../config/files';
import type { EditorContext } from '../context';
import type { PythonEnvironments } from '../python/environments';
import type { RunsFolders } from './folders';
import type { ForkDrafts } from './forkDrafts';
import type { RunRegistry } from './registry';

export interface StartDeps {
  readonly runs: RunRegistry;
  readonly folders: RunsFolders;
  readonly python: PythonEnvironments;
  readonly diagnostics: ConfigDiagnostics;
  readonly drafts: ForkDrafts;
  readonly openPanel: (dir: string) => void | Promise<void>;
}

/**
 * Run Distillation: the config that was given, else the one that is open, else one that the user chooses. One that was
 * opened to fork a run starts from that run's checkpoint. Returns the new run's folder.
 */
export function registerStartRun(context: EditorContext, { runs, folders, python, diagnostics, drafts, openPanel }: StartDeps): void {
  const launching = new Set<string>();

  context.command('minillm.run', async (given, how) => {
    const config = await configToRun(given);
    if (!config || launching.has(config.toString())) return undefined;
    launching.add(config.toString());
    if (isFromScratch(how)) await drafts.forget(config.fsPath);
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
        const options: StartOptions = {
          config: config.fsPath,
          workspace,
          usualRunsFolder: folders.usualOf(workspace),
          trainerSource: context.shipped('trainer'),
          python: await python.searchFor(workspace),
          env: await python.environmentFor(workspace),
          onProgress: (message) => progress.report({ message }),
        };
        const origin = drafts.of(config.fsPath);
        return await (origin ? forkRun({ ...options, dir: origin.dir, from: origin.checkpoint }) : startRun(options));
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

/** Asked for by whoever wants no fork any more. */
const isFromScratch = (how: unknown): boolean => (how as { readonly fromScratch?: unknown } | null | undefined)?.fromScratch === true;

async function configToRun(given: unknown): Promise<vscode.Uri | undefined> {
  if (given instanceof vscode.Uri) return given;
  const active = vscode.window.activeTextEditor?.document;
  if (active && isConfig(active)) return active.uri;
  return pickConfig('Config to run');
}
