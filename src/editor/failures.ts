import * as vscode from 'vscode';
import { ConfigError, LaunchError, type LaunchReason } from '../launch/errors';
import { showError } from './notify';

interface Fix {
  readonly title: string;
  readonly command: string;
  readonly args?: readonly unknown[];
}

const selectPython: Fix = { title: 'Select Python', command: 'minillm.selectPython' };
const setUpPython: Fix = { title: 'Set Up Python', command: 'minillm.setUpPython' };

const fixes: Readonly<Record<LaunchReason, readonly Fix[]>> = {
  'unsupported platform': [],
  'no python': [setUpPython, selectPython],
  'python too old': [setUpPython, selectPython],
  'packages missing': [setUpPython, selectPython],
  'python broken': [selectPython],
  'trainer missing': [],
  'runs folder': [],
  'supervisor died': [],
  'no answer': [],
  'not resumable': [],
  'data changed': [],
  'check failed': [],
  'no checkpoint': [],
};

/** A failure in the words of the user's world: one sentence, and what mends it, one click away. The log has the rest. */
export function showFailure(log: vscode.LogOutputChannel, error: unknown): void {
  if (error instanceof ConfigError) {
    log.warn(`${error.config}: ${error.problems.map((problem) => problem.text).join(' ')}`);
    const errors = error.problems.filter((problem) => problem.severity === 'error').length;
    const more = errors > 1 ? ` (and ${errors - 1} more)` : '';
    const config = vscode.Uri.file(error.config);
    const open = vscode.window.activeTextEditor?.document.uri.toString() === config.toString();
    offer(log, `${error.message}${more}`, [
      ...(open ? [] : [{ title: 'Open Config', command: 'vscode.open', args: [config] }]),
      { title: 'Show Problems', command: 'workbench.actions.view.problems' },
    ]);
    return;
  }
  if (error instanceof LaunchError) {
    log.error(`${error.message} ${error.fix}${error.detail === undefined ? '' : `\n${error.detail}`}`);
    const actions = fixes[error.reason];
    // Buttons say what mends it better than words do.
    offer(log, actions.length > 0 ? error.message : `${error.message} ${error.fix}`, actions);
    return;
  }
  log.error(error instanceof Error ? (error.stack ?? error.message) : String(error));
  offer(log, error instanceof Error ? error.message : String(error), []);
}

/** Nobody waits for the answer: a command has ended when its message shows. */
function offer(log: vscode.LogOutputChannel, text: string, actions: readonly Fix[]): void {
  const showLog = 'Show Log';
  const titles = [...actions.map((action) => action.title), ...(actions.length > 1 ? [] : [showLog])];
  void showError(text, ...titles).then((chosen) => {
    if (chosen === showLog) log.show();
    const action = actions.find((one) => one.title === chosen);
    return action && vscode.commands.executeCommand(action.command, ...(action.args ?? []));
  });
}
