import * as vscode from 'vscode';
import { diagnoseConfig } from '../../config/diagnose';
import { stillHolding } from '../../config/holds';
import type { ConfigProblem } from '../../config/parseConfig';
import type { Range } from '../../config/positions';
import type { ConfigEdit, Problem } from '../../contract/generated';
import { LaunchError } from '../../launch/errors';
import { resolveConfig } from '../../launch/resolve';
import type { EditorContext } from '../context';
import { Disposable } from '../disposable';
import type { PythonEnvironments } from '../python/environments';
import type { RunsFolders } from '../runs/folders';
import { isConfig, workspaceOf } from './files';

/** Milliseconds without a key pressed before the text is looked at. */
const PAUSE = 300;

export function rangeOf({ start, end }: Range): vscode.Range {
  return new vscode.Range(start.line, start.character, end.line, end.character);
}

/** What the meaning of a config depends on, beside its text. */
export interface CheckDeps {
  readonly folders: RunsFolders;
  readonly python: PythonEnvironments;
}

/**
 * Problems of configs, in the editor. Syntax is checked while one types; what a config means, and whether the files that
 * it names are there, is asked of the trainer when it is opened, saved, or looked at again.
 */
export class ConfigDiagnostics extends Disposable {
  private readonly collection = this.register(vscode.languages.createDiagnosticCollection('minillm'));
  /** What the trainer last said about a config, by its address. */
  private readonly problems = new Map<string, readonly Problem[]>();
  /** What only a look at its models and data showed, and the text that it was true of. */
  private readonly notes = new Map<string, { readonly text: string; readonly found: readonly Problem[] }>();
  private readonly timers = new Map<string, NodeJS.Timeout>();
  private readonly checks = new Map<string, AbortController>();


  constructor(private readonly context: EditorContext, private readonly deps: CheckDeps) {
    super();
    this.register(vscode.workspace.onDidOpenTextDocument((document) => this.check(document)));
    this.register(vscode.workspace.onDidSaveTextDocument((document) => this.check(document)));
    this.register(vscode.window.onDidChangeActiveTextEditor((editor) => editor && this.check(editor.document)));
    this.register(vscode.workspace.onDidChangeTextDocument(({ document }) => this.later(document)));
    this.register(vscode.workspace.onDidCloseTextDocument((document) => this.forget(document)));
    this.register(deps.python.onDidChange(() => this.checkAll()));
    this.register(vscode.workspace.onDidChangeConfiguration((change) => change.affectsConfiguration('minillm.runsFolder') && this.checkAll()));
    this.checkAll();
  }

  /** Shows what is already known to be wrong with a config. */
  show(config: vscode.Uri, problems: readonly Problem[]): void {
    this.problems.set(config.toString(), problems);
    const document = vscode.workspace.textDocuments.find((one) => one.uri.toString() === config.toString());
    if (document) this.draw(document);
    if (problems.length > 0) this.keepInView(config);
  }

  /** The editor closes a document that nobody sees, after a while or at once, and with it go its problems. */
  private keepInView(config: vscode.Uri): void {
    const tabs = vscode.window.tabGroups.all.flatMap((group) => group.tabs);
    if (tabs.some(({ input }) => input instanceof vscode.TabInputText && input.uri.toString() === config.toString())) return;
    const shown = Promise.resolve(vscode.window.showTextDocument(config, { preserveFocus: true }));
    this.context.background('Showing the problems of a config', shown.then(({ document }) => this.draw(document)));
  }

  /** What a look at its models and data showed of a config, beside what is wrong with it as it stands. */
  note(document: vscode.TextDocument, found: readonly Problem[]): void {
    this.notes.set(document.uri.toString(), { text: document.getText(), found });
    this.draw(document);
    if (found.length > 0) this.keepInView(document.uri);
  }

  /** The edits that a problem brings with it, which is known by its sentence. */
  editsOf(document: vscode.TextDocument, sentence: string): readonly ConfigEdit[] {
    return this.known(document).find(({ text }) => text === sentence)?.edits ?? [];
  }

  override dispose(): void {
    for (const timer of this.timers.values()) clearTimeout(timer);
    for (const check of this.checks.values()) check.abort();
    super.dispose();
  }

  private checkAll(): void {
    for (const document of vscode.workspace.textDocuments) this.check(document);
  }

  /** Draws what the text alone tells; then asks the trainer, which reads the file: only when the file says what the text says. */
  private check(document: vscode.TextDocument): void {
    if (!isConfig(document)) return;
    this.draw(document);
    if (document.isDirty || !vscode.workspace.isTrusted || diagnoseConfig(document.getText(), []).length > 0) return;
    this.context.background(`Checking ${document.uri.fsPath}`, this.ask(document));
  }

  private later(document: vscode.TextDocument): void {
    if (!isConfig(document)) return;
    const key = document.uri.toString();
    clearTimeout(this.timers.get(key));
    // A change that leaves nothing to save came from the disk.
    this.timers.set(key, setTimeout(() => (document.isDirty ? this.draw(document) : this.check(document)), PAUSE));
  }

  private forget(document: vscode.TextDocument): void {
    const key = document.uri.toString();
    clearTimeout(this.timers.get(key));
    this.timers.delete(key);
    this.checks.get(key)?.abort();
    this.checks.delete(key);
    this.problems.delete(key);
    this.notes.delete(key);
    this.collection.delete(document.uri);
  }

  private async ask(document: vscode.TextDocument): Promise<void> {
    const key = document.uri.toString();
    this.checks.get(key)?.abort();
    const check = new AbortController();
    this.checks.set(key, check);
    const { version } = document;
    /** Nobody has asked again meanwhile, and somebody still wants to know. */
    const current = (): boolean => this.checks.get(key) === check && !document.isClosed;
    const workspace = workspaceOf(document.uri);
    const { folders, python } = this.deps;
    try {
      const { choice } = await python.ready(workspace);
      if (!current()) return;
      const resolution = await resolveConfig({
        python: choice.path, trainerDir: await python.trainer(), config: document.uri.fsPath, workspace,
        usualRunsFolder: folders.usualOf(workspace), env: await python.environmentFor(workspace), signal: check.signal,
      });
      if (!current()) return;
      this.problems.set(key, resolution.problems);
      if (document.version === version) this.draw(document);
    } catch (error) {
      // Without a Python there is no check, and the status at the config's foot says so.
      if (current() && !(error instanceof LaunchError)) throw error;
    } finally {
      if (this.checks.get(key) === check) this.checks.delete(key);
    }
  }

  private known(document: vscode.TextDocument): readonly Problem[] {
    const key = document.uri.toString();
    const notes = this.notes.get(key);
    return [...(this.problems.get(key) ?? []), ...(notes ? stillHolding(notes.found, notes.text, document.getText()) : [])];
  }

  private draw(document: vscode.TextDocument): void {
    if (this.disposed || document.isClosed) return;
    const found = diagnoseConfig(document.getText(), this.known(document));
    this.collection.set(document.uri, found.map((problem) => diagnosticOf(problem)));
  }
}

function diagnosticOf({ range, text, severity, file, line }: ConfigProblem): vscode.Diagnostic {
  const level = severity === 'error' ? vscode.DiagnosticSeverity.Error : vscode.DiagnosticSeverity.Warning;
  const diagnostic = new vscode.Diagnostic(rangeOf(range), text, level);
  diagnostic.source = 'MiniLLM';
  if (file !== undefined && line !== undefined) {
    const place = new vscode.Location(vscode.Uri.file(file), new vscode.Position(Math.max(0, line - 1), 0));
    diagnostic.relatedInformation = [new vscode.DiagnosticRelatedInformation(place, `Line ${line} of the data.`)];
  }
  return diagnostic;
}
