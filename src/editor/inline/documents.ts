import * as vscode from 'vscode';
import { isRunId } from '../../rundir/layout';
import { findInspectionPrompts, findPrompts, formatOf, type PromptLine } from '../../samples/promptsFile';
import type { RunRegistry } from '../runs/registry';
import type { SampleBook, Shown } from './book';

export const promptFiles: vscode.DocumentSelector = { scheme: 'file', pattern: '**/*.{jsonl,txt,md}' };

interface Found {
  readonly version: number;
  readonly shown: Shown;
  readonly prompts: ReadonlyMap<number, PromptLine>;
}

/** Which lines of a document are prompts of the run that is shown: found once per version of the text and of the samples. */
export class PromptDocuments {
  private readonly found = new WeakMap<vscode.TextDocument, Found>();

  constructor(private readonly runs: RunRegistry, private readonly book: SampleBook) {}

  promptsIn(document: vscode.TextDocument): ReadonlyMap<number, PromptLine> {
    const { shown } = this.book;
    const format = document.uri.scheme === 'file' ? formatOf(document.fileName) : undefined;
    // Records of runs hold the same prompts, and are not where anybody writes them.
    if (!shown || format === undefined || document.uri.path.split('/').some(isRunId)) return new Map();
    const known = this.found.get(document);
    if (known?.version === document.version && known.shown === shown) return known.prompts;
    const lines = document.getText().split(/\r\n|\n|\r/);
    const isInspectionFile = document.uri.fsPath === this.runs.get(shown.dir)?.summary.run?.config.inspect.prompts;
    const rows = isInspectionFile ? findInspectionPrompts(lines, shown.samples) : findPrompts(lines, format, shown.samples);
    const prompts = new Map(rows.map((prompt) => [prompt.line, prompt]));
    this.found.set(document, { version: document.version, shown, prompts });
    return prompts;
  }
}

export function isEnabled(resource: vscode.Uri | undefined): boolean {
  return vscode.workspace.getConfiguration('minillm', resource ?? null).get('inlineSamples.enabled', true);
}

/** Whether any folder of this window shows answers. */
export function isEnabledSomewhere(): boolean {
  const folders = vscode.workspace.workspaceFolders ?? [];
  return folders.length === 0 ? isEnabled(undefined) : folders.some(({ uri }) => isEnabled(uri));
}
