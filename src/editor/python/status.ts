import * as vscode from 'vscode';
import { LaunchError } from '../../launch/errors';
import { plainMessage } from '../../present/text';
import { Disposable } from '../disposable';
import { configSelector, isConfig, workspaceOf } from '../config/files';
import type { PythonEnvironments } from './environments';

/** In the language status of a config: the Python that would train, why it is this one, and a way to another. */
export class PythonStatus extends Disposable {
  private readonly item = this.register(vscode.languages.createLanguageStatusItem('minillm.python', configSelector));
  private shown = 0;

  constructor(private readonly python: PythonEnvironments) {
    super();
    this.item.name = 'MiniLLM Python';
    this.register(vscode.window.onDidChangeActiveTextEditor(() => void this.update()));
    this.register(vscode.workspace.onDidSaveTextDocument(() => void this.update()));
    this.register(python.onDidChange(() => void this.update()));
    void this.update();
  }

  private async update(): Promise<void> {
    const document = vscode.window.activeTextEditor?.document;
    if (!document || !isConfig(document)) return;
    const turn = ++this.shown;
    const show = (text: string, detail: string, severity: vscode.LanguageStatusSeverity): void => {
      if (turn !== this.shown || this.disposed) return;
      this.item.busy = false;
      this.item.text = text;
      // The editor makes links of what looks like one in a detail.
      this.item.detail = plainMessage(detail);
      this.item.severity = severity;
    };
    const { isTrusted } = vscode.workspace;
    this.item.command = isTrusted ? { command: 'minillm.selectPython', title: 'Select' } : { command: 'workbench.trust.manage', title: 'Trust' };
    if (!isTrusted) {
      show('Not checked', 'Trust this workspace to check and run configs.', vscode.LanguageStatusSeverity.Warning);
      return;
    }
    this.item.busy = true;
    try {
      const { choice, probe } = await this.python.ready(workspaceOf(document.uri));
      const torch = probe.packages['torch'];
      show(`Python ${probe.pythonVersion}${torch === undefined ? '' : `, torch ${torch}`}`, choice.reason, vscode.LanguageStatusSeverity.Information);
    } catch (error) {
      const text = error instanceof LaunchError ? `${error.message} ${error.fix}` : String(error);
      show('No Python to train with', text, vscode.LanguageStatusSeverity.Error);
    }
  }
}
