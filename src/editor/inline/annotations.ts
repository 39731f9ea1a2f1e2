import * as vscode from 'vscode';
import { showControlCharacters } from '../../present/text';
import { changeOf } from '../../samples/change';
import type { EditorContext } from '../context';
import { Disposable } from '../disposable';
import type { SampleBook, Shown } from './book';
import { isEnabled, type PromptDocuments } from './documents';
import type { NewPrompts } from './newPrompts';

const LONGEST = 160;
/** Lines above and below what is in view that are drawn already. */
const MARGIN = 30;
/** Milliseconds that scrolling may go on before what has come into view is drawn. */
const REST = 40;

/** A response on one line, cut; what cannot be seen becomes a sign. */
export function inlineText(text: string): string {
  const line = showControlCharacters(text.slice(0, LONGEST * 2).replace(/\r?\n/g, ' ⏎ ').replace(/\t/g, ' '));
  return line.length > LONGEST ? `${line.slice(0, LONGEST)}…` : line;
}

/** The newest answer after each prompt in view, and in the gutter what became of it since the checkpoint before. */
export class InlineAnnotations extends Disposable {
  private readonly answer = this.register(vscode.window.createTextEditorDecorationType({
    after: { margin: '0 0 0 2em', color: new vscode.ThemeColor('editorCodeLens.foreground') },
    rangeBehavior: vscode.DecorationRangeBehavior.ClosedClosed,
  }));
  private readonly improved: vscode.TextEditorDecorationType;
  private readonly regressed: vscode.TextEditorDecorationType;
  /** What each editor shows. */
  private readonly drawn = new WeakMap<vscode.TextEditor, string>();
  private timer: NodeJS.Timeout | undefined;

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
    this.register(book.onDidChange(() => this.drawAll()));
    this.register(news.onDidChange(() => this.drawAll()));
    this.register(vscode.window.onDidChangeVisibleTextEditors(() => this.drawAll()));
    this.register(vscode.workspace.onDidChangeConfiguration((change) => change.affectsConfiguration('minillm.inlineSamples') && this.drawAll()));
    this.register(vscode.window.onDidChangeTextEditorVisibleRanges(() => this.drawSoon()));
    this.register(vscode.workspace.onDidChangeTextDocument(({ document }) => {
      if (vscode.window.visibleTextEditors.some((editor) => editor.document === document)) this.drawSoon();
    }));
    this.drawAll();
  }

  override dispose(): void {
    clearTimeout(this.timer);
    super.dispose();
  }

  private drawSoon(): void {
    clearTimeout(this.timer);
    // Finding the prompts of a file reads all of it: not with every key.
    this.timer = setTimeout(() => this.drawAll(), REST);
  }

  private drawAll(): void {
    for (const editor of vscode.window.visibleTextEditors) this.draw(editor);
  }

  private draw(editor: vscode.TextEditor): void {
    const { document } = editor;
    const { shown } = this.book;
    const enabled = isEnabled(document.uri);
    const prompts = shown && enabled ? this.documents.promptsIn(document) : new Map<number, never>();
    const notes = enabled ? this.news.notesIn(document) : new Map<number, string>();
    const after = (line: number, contentText: string): void => {
      const { end } = document.lineAt(line).range;
      answers.push({ range: new vscode.Range(end, end), renderOptions: { after: { contentText } } });
    };
    const answers: vscode.DecorationOptions[] = [];
    const improved: vscode.Range[] = [];
    const regressed: vscode.Range[] = [];
    for (const line of linesInView(editor)) {
      const note = notes.get(line);
      if (note !== undefined) after(line, note);
      const prompt = prompts.get(line);
      if (!prompt || !shown) continue;
      const { range } = document.lineAt(line);
      after(line, `→ ${this.textOf(shown, prompt.promptId)}`);
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

function* linesInView({ document, visibleRanges }: vscode.TextEditor): Generator<number> {
  let last = -1;
  for (const { start, end } of visibleRanges) {
    const to = Math.min(document.lineCount - 1, end.line + MARGIN);
    for (let line = Math.max(last + 1, start.line - MARGIN, 0); line <= to; line++) yield line;
    last = Math.max(last, to);
  }
}
