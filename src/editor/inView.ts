import * as vscode from 'vscode';
import { Disposable } from './disposable';

/** Lines above and below what is in view that are drawn already. */
const MARGIN = 30;
/** Milliseconds that scrolling and typing may go on before what has come into view is drawn. */
const REST = 40;

/** Asks for every editor in sight to be drawn: when it comes into view, and soon after other lines of it do. */
export class EditorsInView extends Disposable {
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly draw: (editor: vscode.TextEditor) => void) {
    super();
    this.register(vscode.window.onDidChangeVisibleTextEditors(() => this.drawAll()));
    this.register(vscode.window.onDidChangeTextEditorVisibleRanges(() => this.drawSoon()));
    this.register(vscode.workspace.onDidChangeTextDocument(({ document }) => {
      if (vscode.window.visibleTextEditors.some((editor) => editor.document === document)) this.drawSoon();
    }));
  }

  override dispose(): void {
    clearTimeout(this.timer);
    super.dispose();
  }

  drawAll(): void {
    for (const editor of vscode.window.visibleTextEditors) this.draw(editor);
  }

  private drawSoon(): void {
    clearTimeout(this.timer);
    // What is to be drawn may depend on the whole document: not with every key.
    this.timer = setTimeout(() => this.drawAll(), REST);
  }
}

export function* linesInView({ document, visibleRanges }: vscode.TextEditor): Generator<number> {
  let last = -1;
  for (const { start, end } of visibleRanges) {
    const to = Math.min(document.lineCount - 1, end.line + MARGIN);
    for (let line = Math.max(last + 1, start.line - MARGIN, 0); line <= to; line++) yield line;
    last = Math.max(last, to);
  }
}

/** For what stands after a line, quietly, and is no part of its text. */
export const besideText: vscode.DecorationRenderOptions = {
  after: { margin: '0 0 0 2em', color: new vscode.ThemeColor('editorCodeLens.foreground') },
  rangeBehavior: vscode.DecorationRangeBehavior.ClosedClosed,
};

export function afterLine(document: vscode.TextDocument, line: number, contentText: string): vscode.DecorationOptions {
  const { end } = document.lineAt(line).range;
  return { range: new vscode.Range(end, end), renderOptions: { after: { contentText } } };
}
