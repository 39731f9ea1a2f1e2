import { access, stat } from 'node:fs/promises';
import path from 'node:path';
import * as vscode from 'vscode';
import { RunDir } from '../../rundir/layout';
import { findUnanswered } from '../../samples/promptsFile';
import { Disposable } from '../disposable';
import type { RunRegistry } from '../runs/registry';
import type { SampleBook } from './book';

/** Where somebody may type a prompt that a run at work will answer. */
interface Awaited {
  /** The run's inspection file. */
  readonly file: string;
  /** It was saved after the newest checkpoint wrote its samples. */
  readonly saved: boolean;
}

/**
 * Rows of a running run's inspection file that no checkpoint has answered yet, because they were typed since the newest one.
 * Where a run passed rows over for their number it cannot be told which are new, and nothing is said.
 */
export class NewPrompts extends Disposable {
  private readonly changed = this.register(new vscode.EventEmitter<void>());
  private awaited: Awaited | undefined;
  readonly onDidChange = this.changed.event;

  constructor(private readonly runs: RunRegistry, private readonly book: SampleBook) {
    super();
    this.register(book.onDidChange(() => void this.look()));
    this.register(runs.onDidChange(() => void this.look()));
    this.register(vscode.workspace.onDidSaveTextDocument(() => void this.look()));
    void this.look();
  }

  /** What stands after each new row. */
  notesIn(document: vscode.TextDocument): ReadonlyMap<number, string> {
    const { shown } = this.book;
    if (!this.awaited || !shown || document.uri.fsPath !== this.awaited.file || !(document.isDirty || this.awaited.saved)) return new Map();
    const note = document.isDirty ? 'answered from the next checkpoint on, once saved' : 'answered from the next checkpoint on';
    return new Map(findUnanswered(document.getText().split(/\r\n|\n|\r/), shown.samples).map((line) => [line, note]));
  }

  private async look(): Promise<void> {
    const awaited = await this.find().catch(() => undefined);
    if (this.disposed || JSON.stringify(awaited) === JSON.stringify(this.awaited)) return;
    this.awaited = awaited;
    this.changed.fire();
  }

  private async find(): Promise<Awaited | undefined> {
    const { shown } = this.book;
    const run = shown && this.runs.get(shown.dir);
    const file = run?.summary.run?.config.inspect.prompts;
    if (!shown || !run?.summary.active || !file?.endsWith('.jsonl') || shown.checkpoint !== shown.checkpoints.at(-1)) return undefined;
    const at = new RunDir(shown.dir);
    if (await access(path.join(at.samples, 'passed-over.json')).then(() => true, () => false)) return undefined;
    const [prompts, samples] = await Promise.all([stat(file), stat(at.samplesOf(shown.checkpoint))]);
    return { file, saved: prompts.mtimeMs > samples.mtimeMs };
  }
}
