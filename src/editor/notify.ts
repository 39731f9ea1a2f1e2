import * as vscode from 'vscode';
import { plainMessage } from '../present/text';

/* The only way to a notification: the editor makes links, and commands to click, of what looks like one in its text. */

export function showInfo(text: string, ...actions: string[]): Thenable<string | undefined> {
  return vscode.window.showInformationMessage(plainMessage(text), ...actions);
}

export function showWarning(text: string, ...actions: string[]): Thenable<string | undefined> {
  return vscode.window.showWarningMessage(plainMessage(text), ...actions);
}

export function showError(text: string, ...actions: string[]): Thenable<string | undefined> {
  return vscode.window.showErrorMessage(plainMessage(text), ...actions);
}

/** Asks, and lets nothing else be done before there is an answer. True when it is `yes`. */
export async function confirm(question: string, detail: string, yes: string): Promise<boolean> {
  return (await vscode.window.showWarningMessage(plainMessage(question), { modal: true, detail: plainMessage(detail) }, yes)) === yes;
}

/** Shows that something goes on, with a way to wait for it no longer. */
export function whileShown<T>(title: string, work: (signal: AbortSignal, report: (text: string) => void) => Promise<T>): Thenable<T> {
  const options = { location: vscode.ProgressLocation.Notification, title: plainMessage(title), cancellable: true };
  return vscode.window.withProgress(options, (progress, cancelled) => {
    const abort = new AbortController();
    cancelled.onCancellationRequested(() => abort.abort());
    return work(abort.signal, (text) => progress.report({ message: plainMessage(text) }));
  });
}
