import * as vscode from 'vscode';
import { LaunchError } from '../../launch/errors';
import { type Preflight, preflight } from '../../launch/preflight';
import type { EditorContext } from '../context';
import { showError, showInfo, showWarning, whileShown } from '../notify';
import type { CheckDeps, ConfigDiagnostics } from './diagnostics';
import { isConfig, pickConfig, workspaceOf } from './files';

/** Check Config: what can be said of a run before it exists, models and data included. Tells what is amiss, or that nothing is. */
export function registerCheckConfig(context: EditorContext, { folders, python }: CheckDeps, diagnostics: ConfigDiagnostics): void {
  context.command('minillm.checkConfig', async (given) => {
    const active = vscode.window.activeTextEditor?.document;
    const config = given instanceof vscode.Uri ? given : active && isConfig(active) ? active.uri : await pickConfig('Config to check');
    if (!config) return;
    const document = await vscode.workspace.openTextDocument(config);
    if (document.isDirty && !(await document.save())) return;
    const found = await look(config);
    if (!found) return;
    const { checks, config: resolved, problems, notes } = found;
    diagnostics.show(config, problems.filter((problem) => !notes.includes(problem)));
    diagnostics.note(document, notes);
    const failing = checks.filter(({ health, fix }) => health !== 'good' && fix !== undefined);
    if (resolved === null) {
      tell(showError(inOne(problems.map(({ text }) => text)) ?? 'The config cannot be used.', SHOW), PROBLEMS);
    } else if (failing.length > 0) {
      const text = failing.map(({ text: what, fix }) => `${what} ${fix ?? ''}`).join(' ');
      tell(showWarning(text, 'Doctor'), 'minillm.doctor');
    } else if (notes.length > 0) {
      const text = `${resolved.name} can start, with ${notes.length === 1 ? 'one note' : `${notes.length} notes`}: ${inOne(notes.map((note) => note.text)) ?? ''}`;
      tell(showWarning(text, SHOW), PROBLEMS);
    } else {
      const phases = resolved.phases.map(({ method }) => method).join(' → ');
      void showInfo(`${resolved.name} can start: ${phases}. ${checks.map(({ text }) => text).at(-1) ?? ''}`);
    }
  });

  /** Nothing when the user did not want to wait. */
  async function look(config: vscode.Uri): Promise<Preflight | undefined> {
    const workspace = workspaceOf(config);
    return whileShown('MiniLLM: checking', async (signal, onProgress) => {
      try {
        return await preflight({
          config: config.fsPath, workspace, usualRunsFolder: folders.usualOf(workspace),
          search: await python.searchFor(workspace), env: await python.environmentFor(workspace),
          trainerSource: context.shipped('trainer'), models: true, signal, onProgress,
        });
      } catch (error) {
        if (error instanceof LaunchError && error.reason === 'check failed' && signal.aborted) return undefined;
        throw error;
      }
    });
  }
}

const SHOW = 'Show Problems';
const PROBLEMS = 'workbench.actions.view.problems';

function inOne([first, ...others]: readonly string[]): string | undefined {
  return first === undefined || others.length === 0 ? first : `${first} (and ${others.length} more)`;
}

/** Nobody waits for the answer: the check has ended when its message shows. */
function tell(answer: Thenable<string | undefined>, command: string): void {
  void answer.then((chosen) => chosen !== undefined && vscode.commands.executeCommand(command));
}
