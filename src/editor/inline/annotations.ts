import * as vscode from 'vscode';
import { showControlCharacters } from '../../present/text';
import { changeOf } from '../../samples/change';
import type { EditorContext } from '../context';
import { Disposable } from '../disposable';
import { afterLine, besideText, EditorsInView, linesInView } from '../inView';
import type { SampleBook, Shown } from './book';
import { isEnabled, type PromptDocuments } from './documents';
import type { NewPrompts } from './newPrompts';

const LONGEST = 160;

/** A response on one line, cut; what cannot be seen becomes a sign. */
export function inlineText(text: string): string {
  const line = showControlCharacters(text.slice(0, LONGEST * 2).replace(/\r?\n/g, ' ⏎ ').replace(/\t/g, ' '));
  return line.length > LONGEST ? `${line.slice(0, LONGEST)}…` : line;
}

/** The newest answer after each prompt in view, and in the gutter what became of it since the checkpoint before. */
export class InlineAnnotations extends Disposable {
  private readonly answer = this.register(vscode.window.createTextEditorDecorationType(besideText));
  private readonly improved: vscode.TextEditorDecorationType;
  private readonly regressed: vscode.TextEditorDecorationType;
  /** What each editor shows. */
  private readonly drawn = new WeakMap<vscode.TextEditor, string>();

  constructor(
    context: EditorContext, private readonly book: SampleBook, private readonly documents: PromptDocuments,
    private readonly news: NewPrompts,
  ) {
    super();
    const { createTextEditorDecorationType } = vscode.window;
    const gutter = (name: string, color: string): vscode.TextEditorDecorationType => this.register(createTextEditorDecorationType({
      gutterIconPath: context.shipped('media', 'inline', `${name}.svg`), gutterIconSize: 'contain',
      overviewRulerColor: new vscode.ThemeColor(color), overviewRulerLane: vscode.OverviewRulerLane.Left,
    }));
    this.improved = gutter('improved', 'charts.green');
    this.regressed = gutter('regressed', 'charts.red');
    const editors = this.register(new EditorsInView((editor) => this.draw(editor)));
    this.register(book.onDidChange(() => editors.drawAll()));
    this.register(news.onDidChange(() => editors.drawAll()));
    this.register(vscode.workspace.onDidChangeConfiguration((change) => change.affectsConfiguration('minillm.inlineSamples') && editors.drawAll()));
    editors.drawAll();
  }

  private draw(editor: vscode.TextEditor): void {
    const { document } = editor;
    const { shown } = this.book;
    const enabled = isEnabled(document.uri);
    const prompts = shown && enabled ? this.documents.promptsIn(document) : new Map<number, never>();
    const notes = enabled ? this.news.notesIn(document) : new Map<number, string>();
    const answers: vscode.DecorationOptions[] = [];
    const improved: vscode.Range[] = [];
    const regressed: vscode.Range[] = [];
    for (const line of linesInView(editor)) {
      const note = notes.get(line);
      if (note !== undefined) answers.push(afterLine(document, line, note));
      const prompt = prompts.get(line);
      if (!prompt || !shown) continue;
      const { range } = document.lineAt(line);
      answers.push(afterLine(document, line, `→ ${this.textOf(shown, prompt.promptId)}`));
      const { promptId } = prompt;
      const change = changeOf({ promptId, draw: 0, prompt: '', left: shown.samplesBefore.get(promptId), right: shown.samples.get(promptId) });
      if (change === 'improved') improved.push(range);
      if (change === 'regressed') regressed.push(range);
    }
    // What is drawn already is left alone: a run at work tells of news that do not show in this file.
    const key = JSON.stringify([document.version, answers, improved, regressed]);
    if (this.drawn.get(editor) === key || (answers.length === 0 && !this.drawn.has(editor))) return;
    this.drawn.set(editor, key);
    editor.setDecorations(this.answer, answers);
    editor.setDecorations(this.improved, improved);
    editor.setDecorations(this.regressed, regressed);
  }

  private textOf(shown: Shown, promptId: string): string {
    const text = shown.samples.get(promptId)?.text ?? '';
    return text.trim() === '' ? '(nothing)' : inlineText(text);
  }
}
