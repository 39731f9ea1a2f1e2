import * as vscode from 'vscode';
import { checkpointLabel } from '../../present/labels';
import { sampledCheckpoints } from '../../rundir/samples';
import { keptCheckpoints } from '../../samples/branch';
import type { EditorContext } from '../context';
import { Disposable } from '../disposable';
import { showInfo } from '../notify';
import { runDescription, runLabel } from '../runs/describe';
import type { RunRegistry } from '../runs/registry';
import { targetOf } from '../runs/target';
import type { SampleBook } from './book';
import { isEnabled, isEnabledSomewhere, type PromptDocuments } from './documents';

/** Beside a file with prompts: whose answers are shown. A click chooses others. */
export class InlineStatusBar extends Disposable {
  private readonly item = this.register(vscode.window.createStatusBarItem('minillm.inlineSamples', vscode.StatusBarAlignment.Right, 90));

  constructor(private readonly runs: RunRegistry, private readonly book: SampleBook, private readonly documents: PromptDocuments) {
    super();
    this.item.name = 'MiniLLM Samples';
    this.item.command = 'minillm.chooseInlineSamples';
    this.register(book.onDidChange(() => this.update()));
    this.register(vscode.window.onDidChangeActiveTextEditor(() => this.update()));
    this.register(vscode.workspace.onDidChangeConfiguration((change) => {
      if (change.affectsConfiguration('minillm.inlineSamples')) this.update();
    }));
    this.update();
  }

  private update(): void {
    const { shown } = this.book;
    const { document } = vscode.window.activeTextEditor ?? {};
    const run = shown && this.runs.get(shown.dir);
    if (!shown || !run || !document || !isEnabled(document.uri) || this.documents.promptsIn(document).size === 0) {
      this.item.hide();
      return;
    }
    const follows = this.book.choice.checkpoint === null;
    const name = runLabel(run).replaceAll('$(', '$ (');
    this.item.text = `$(comment) ${name}, ${checkpointLabel(shown.checkpoint)}`;
    this.item.tooltip = `Answers beside prompts: ${runLabel(run)}, ${checkpointLabel(shown.checkpoint)}${follows ? ' (the newest)' : ''}. Click to choose another.`;
    this.item.show();
  }
}

export function registerChooseInlineSamples(context: EditorContext, runs: RunRegistry, book: SampleBook): void {
  context.command('minillm.chooseInlineSamples', async (given) => {
    if (!isEnabledSomewhere()) {
      const open = 'Open Setting';
      const answer = await showInfo('Answers beside prompts are switched off: the setting "minillm.inlineSamples.enabled" is false.', open);
      if (answer === open) await vscode.commands.executeCommand('workbench.action.openSettings', 'minillm.inlineSamples.enabled');
      return;
    }
    const target = targetOf(given);
    if (target) {
      await book.choose({ dir: target.dir, checkpoint: target.checkpoint ?? null });
      return;
    }
    const now = new Date();
    const newest = { label: 'Newest run', description: 'whichever it is', dir: null as string | null };
    const picks = [newest, ...runs.runs.map((run) => ({
      label: runLabel(run).replaceAll('$(', '$ ('), description: runDescription(run, now), detail: run.summary.id, dir: run.summary.dir,
    }))];
    const run = await vscode.window.showQuickPick(picks, { placeHolder: 'Run whose answers stand beside prompts', matchOnDescription: true, matchOnDetail: true });
    if (!run) return;
    const dir = run.dir;
    if (dir === null) {
      await book.choose({ dir: null, checkpoint: null });
      return;
    }
    const names = keptCheckpoints(await sampledCheckpoints(dir)).reverse();
    const steps = names.map((name) => ({ label: checkpointLabel(name), description: '', name: name }));
    const follow = { label: 'Newest checkpoint', description: 'follows the run', name: null as string | null };
    if (steps.length === 0) void showInfo('This run has no samples yet: they come with its first checkpoint.');
    const checkpoint = steps.length === 0 ? follow : await vscode.window.showQuickPick([follow, ...steps], { placeHolder: 'Checkpoint' });
    if (checkpoint) await book.choose({ dir, checkpoint: checkpoint.name });
  });
}
