import path from 'node:path';
import * as vscode from 'vscode';
import { outlineConfig } from '../../config/phases';
import { checkpointLabel, stateLook } from '../../present/labels';
import { nameOfRun } from '../../present/sentence';
import { Disposable } from '../disposable';
import type { ForkDrafts } from '../runs/forkDrafts';
import { runDescription } from '../runs/describe';
import type { ListedRun, RunRegistry } from '../runs/registry';
import { rangeOf } from './diagnostics';
import { configSelector } from './files';

/** Above a config's name: start a run, and how the newest run of this config is doing. */
export class ConfigCodeLens extends Disposable implements vscode.CodeLensProvider {
  private readonly changed = this.register(new vscode.EventEmitter<void>());
  readonly onDidChangeCodeLenses = this.changed.event;
  private drawn = '';

  constructor(private readonly runs: RunRegistry, private readonly drafts: ForkDrafts) {
    super();
    this.register(vscode.languages.registerCodeLensProvider(configSelector, this));
    this.register(runs.onDidChange(() => this.update()));
    this.register(vscode.workspace.onDidGrantWorkspaceTrust(() => this.changed.fire()));
  }

  provideCodeLenses(document: vscode.TextDocument): vscode.CodeLens[] {
    const outline = outlineConfig(document.getText());
    if (!outline || !vscode.workspace.isTrusted) return [];
    const range = rangeOf(outline.head);
    const lens = (title: string, command: string, ...more: unknown[]): vscode.CodeLens =>
      new vscode.CodeLens(range, { title, command, arguments: [document.uri, ...more] });
    const origin = this.drafts.of(document.uri.fsPath);
    const lenses = origin
      ? [
          lens(`$(repo-forked)\u00a0Run from ${checkpointLabel(origin.checkpoint)} of ${nameOfRun(path.basename(origin.dir))}`, 'minillm.run'),
          lens('$(play)\u00a0Run from scratch', 'minillm.run', { fromScratch: true }),
        ]
      : [lens('$(play)\u00a0Run distillation', 'minillm.run')];
    lenses.push(lens('$(checklist)\u00a0Check', 'minillm.checkConfig'));
    const newest = this.newestOf(document.uri.fsPath);
    if (newest) {
      const title = `$(graph-line)\u00a0${titleOf(newest)}`;
      lenses.push(new vscode.CodeLens(range, { title, command: 'minillm.openPanel', arguments: [{ dir: newest.summary.dir }] }));
    }
    return lenses;
  }

  private newestOf(config: string): ListedRun | undefined {
    return this.runs.runs.find((run) => run.summary.run?.configSource === config);
  }

  /** Lenses move the text when they are drawn anew: only a change that shows is worth that. */
  private update(): void {
    const seen = new Map<string, string>();
    for (const run of this.runs.runs) {
      const source = run.summary.run?.configSource;
      if (source !== undefined && !seen.has(source)) seen.set(source, titleOf(run));
    }
    const drawn = JSON.stringify([...seen]);
    if (drawn === this.drawn) return;
    this.drawn = drawn;
    this.changed.fire();
  }
}

/** Without the numbers that change every second while a run goes on. */
function titleOf(run: ListedRun): string {
  return run.summary.active ? `Last run: ${stateLook(run.summary.state).label}` : `Last run: ${runDescription(run, new Date())}`;
}
