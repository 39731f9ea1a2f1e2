import * as vscode from 'vscode';
import { mendByEdits, mendsOf } from '../../config/mend';
import { Disposable } from '../disposable';
import type { ConfigDiagnostics } from './diagnostics';
import { configSelector } from './files';

/** Quick fixes for problems that bring one with them, or whose sentence says what would be right. */
export class ConfigMends extends Disposable implements vscode.CodeActionProvider {
  constructor(private readonly problems: ConfigDiagnostics) {
    super();
    const { QuickFix } = vscode.CodeActionKind;
    this.register(vscode.languages.registerCodeActionsProvider(configSelector, this, { providedCodeActionKinds: [QuickFix] }));
  }

  provideCodeActions(document: vscode.TextDocument, _range: vscode.Range, { diagnostics }: vscode.CodeActionContext): vscode.CodeAction[] {
    return diagnostics.filter(({ source }) => source === 'MiniLLM').flatMap((diagnostic) => {
      const offset = document.offsetAt(diagnostic.range.start);
      const marked = { offset, length: document.offsetAt(diagnostic.range.end) - offset };
      const brought = mendByEdits(document.getText(), this.problems.editsOf(document, diagnostic.message));
      return [...(brought ? [brought] : []), ...mendsOf(document.getText(), marked, diagnostic.message)].map(({ title, edits }) => {
        const action = new vscode.CodeAction(title, vscode.CodeActionKind.QuickFix);
        action.diagnostics = [diagnostic];
        action.isPreferred = true;
        action.edit = new vscode.WorkspaceEdit();
        for (const { span, text } of edits) {
          const range = new vscode.Range(document.positionAt(span.offset), document.positionAt(span.offset + span.length));
          action.edit.replace(document.uri, range, text);
        }
        return action;
      });
    });
  }
}
