import * as vscode from 'vscode';
import { showInfo } from './notify';

/** Why nothing is started or controlled from an untrusted workspace, in one sentence; undefined where it is trusted. */
export function whyNotTrusted(): string | undefined {
  return vscode.workspace.isTrusted ? undefined : 'This workspace is not trusted: its runs can be looked at, but not started or controlled.';
}

/** True in a trusted workspace; in another it says why nothing happens, and offers to trust it. */
export function insistOnTrust(): boolean {
  const reason = whyNotTrusted();
  if (reason === undefined) return true;
  const manage = 'Manage Workspace Trust';
  void showInfo(reason, manage).then((answer) =>
    answer === manage && vscode.commands.executeCommand('workbench.trust.manage'));
  return false;
}
