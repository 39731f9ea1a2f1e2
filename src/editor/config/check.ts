import * as vscode from 'vscode';
import { preflight } from '../../launch/preflight';
import type { EditorContext } from '../context';
import type { PythonEnvironments } from '../python/environments';
import { insistOnTrust } from '../trust';
import type { ConfigDiagnostics } from './diagnostics';
import { isConfig, pickConfig, workspaceOf } from './files';

/** Check Config: what can be said of a run before it exists. Tells what is wrong, or that nothing is. */
export function registerCheckConfig(context: EditorContext, python: PythonEnvironments, diagnostics: ConfigDiagnostics): void {
  context.command('minillm.checkConfig', async (given) => {
    if (!insistOnTrust()) return;
    const active = vscode.window.activeTextEditor?.document;
    const config = given instanceof vscode.Uri ? given : active && isConfig(active) ? active.uri : await pickConfig();
    if (!config) return;
    const document = vscode.workspace.textDocuments.find((one) => one.uri.toString() === config.toString());
    if (document?.isDirty && !(await document.save())) return;
    const workspace = workspaceOf(config);
    const title = { location: vscode.ProgressLocation.Window, title: 'MiniLLM: checking' };
    const { checks, config: resolved, problems } = await vscode.window.withProgress(title, async () => preflight({
      config: config.fsPath, workspace, search: await python.searchFor(workspace), env: await python.environmentFor(workspace),
      trainerSource: context.shipped('trainer'),
    }));
    diagnostics.show(config, problems);
    const failing = checks.filter(({ health }) => health !== 'good');
    if (resolved === null) {
      const [first] = problems;
      const more = problems.length > 1 ? ` (and ${problems.length - 1} more)` : '';
      tell(vscode.window.showErrorMessage(`${first?.text ?? 'The config cannot be used.'}${more}`, 'Show Problems'), 'workbench.actions.view.problems');
    } else if (failing.length > 0) {
      const text = failing.map(({ text: what, fix }) => `${what} ${fix ?? ''}`).join(' ');
      tell(vscode.window.showWarningMessage(text, 'Doctor'), 'minillm.doctor');
    } else {
      const phases = resolved.phases.map(({ method }) => method).join(' → ');
      void vscode.window.showInformationMessage(`${resolved.name} can start: ${phases}. ${checks.map(({ text }) => text).at(-1) ?? ''}`);
    }
  });
}

/** Nobody waits for the answer: the check has ended when its message shows. */
function tell(answer: Thenable<string | undefined>, command: string): void {
  void answer.then((chosen) => chosen !== undefined && vscode.commands.executeCommand(command));
}
