import * as vscode from 'vscode';
import { nats, type TokenDocument, type TokenSpan, visibleToken } from '../../samples/tokenDocument';
import { levels, type Level, measureLooks, worstTokens } from '../../samples/tokens';
import { Disposable } from '../disposable';
import { calledIn, parseTokensUri, tokensUri } from './address';
import { tokenDocumentOf } from './documents';
import { tokenSheet } from './sheet';

export const TOKENS_LANGUAGE = 'minillm-tokens';
const selector: vscode.DocumentSelector = { scheme: 'minillm', language: TOKENS_LANGUAGE };
/** Documents kept: both sides of a diff, and a few that one goes back to. */
const KEPT = 8;

const names: Readonly<Record<Exclude<Level, 0>, string>> = { [-3]: 'cost3', [-2]: 'cost2', [-1]: 'cost1', 1: 'gain1', 2: 'gain2', 3: 'gain3' };

/** A colour, and a line below that does without it: solid for what costs, dotted for what the teacher likes better. */
function decoration(level: Exclude<Level, 0>): vscode.TextEditorDecorationType {
  const color = new vscode.ThemeColor(`minillm.tokens.${names[level]}`);
  const size = Math.abs(level);
  const borderColor = new vscode.ThemeColor('editor.foreground');
  const line = { borderStyle: level < 0 ? 'solid' : 'dotted', borderWidth: `0 0 ${size === 3 ? 2 : 1}px 0`, borderColor };
  return vscode.window.createTextEditorDecorationType({
    backgroundColor: color,
    ...(size > 1 ? line : {}),
  });
}

/** Colours, hovers and the line above a response that is shown token by token. */
export class TokenLens extends Disposable implements vscode.HoverProvider, vscode.CodeLensProvider {
  private readonly documents = new Map<string, Promise<TokenDocument | undefined>>();
  private readonly ruler = this.register(vscode.window.createTextEditorDecorationType({
    overviewRulerColor: new vscode.ThemeColor('minillm.tokens.cost3'), overviewRulerLane: vscode.OverviewRulerLane.Right,
  }));
  private readonly types = new Map(levels.map((level) => [level, this.register(decoration(level))]));

  constructor(private readonly warn: (text: string) => void) {
    super();
    this.register(vscode.languages.registerHoverProvider(selector, this));
    this.register(vscode.languages.registerCodeLensProvider(selector, this));
    this.register(vscode.window.onDidChangeVisibleTextEditors((editors) => this.paintAll(editors)));
    this.paintAll(vscode.window.visibleTextEditors);
  }

  /** What a document of the lens shows; undefined for any other document. */
  documentOf(uri: vscode.Uri): Promise<TokenDocument | undefined> {
    const address = parseTokensUri(uri);
    if (address?.measure === undefined) return Promise.resolve(undefined);
    const key = uri.toString();
    const known = this.documents.get(key);
    if (known) return known;
    const made = tokenDocumentOf(address).catch((error: unknown) => {
      this.documents.delete(key); // it may be there the next time
      this.warn(`${key}: ${String(error)}`);
      return undefined;
    });
    this.documents.set(key, made);
    const [oldest] = this.documents.keys();
    if (this.documents.size > KEPT && oldest !== undefined) this.documents.delete(oldest);
    return made;
  }

  async provideHover(document: vscode.TextDocument, position: vscode.Position): Promise<vscode.Hover | undefined> {
    const shown = await this.documentOf(document.uri);
    const span = shown && spanAt(shown, document.offsetAt(position));
    if (!span) return undefined;
    return new vscode.Hover(tokenSheet(shown, span.place), rangeOf(document, span));
  }

  provideCodeLenses(document: vscode.TextDocument): vscode.CodeLens[] {
    const address = parseTokensUri(document.uri);
    if (address?.measure === undefined) return [];
    const range = new vscode.Range(0, 0, 0, 0);
    const lens = (title: string, command: string, ...args: unknown[]): vscode.CodeLens =>
      new vscode.CodeLens(range, { title, command, arguments: args });
    const { dir, checkpoint, promptId, draw } = address;
    return [
      lens(`$(symbol-color)\u00a0Coloured by ${measureLooks[address.measure].label}`, 'minillm.chooseTokenMeasure'),
      lens('Next worst token', 'minillm.nextWorstToken'),
      lens('Table', 'minillm.openTokenTable'),
      ...(checkpoint === 'teacher' ? [] : [lens('Travel', 'minillm.openTimeTravel', { dir, checkpoint, promptId, draw })]),
    ];
  }

  /** Moves to the token that comes after (or before) the one at the cursor in the order of harm, and says which it is. */
  async goToWorst(editor: vscode.TextEditor, direction: 1 | -1): Promise<void> {
    const { document } = editor;
    const shown = await this.documentOf(document.uri);
    const measure = parseTokensUri(document.uri)?.measure;
    if (!shown || measure === undefined) return;
    const ranked = worstTokens(shown.values, measure);
    if (ranked.length === 0) {
      vscode.window.setStatusBarMessage('No token stands out by this measure', 4000);
      return;
    }
    const here = spanAt(shown, document.offsetAt(editor.selection.active));
    const rank = here === undefined ? -1 : ranked.indexOf(here.place);
    const next = rank < 0 ? (direction > 0 ? 0 : ranked.length - 1) : (rank + direction + ranked.length) % ranked.length;
    const span = shown.spans[ranked[next] ?? -1];
    if (!span) return;
    const range = rangeOf(document, span);
    // The cursor stands before the token: there its hover is shown by key.
    editor.selection = new vscode.Selection(range.end, document.positionAt(span.ink));
    editor.revealRange(range, vscode.TextEditorRevealType.InCenterIfOutsideViewport);
    const token = shown.tokens[span.place];
    const value = nats(shown.values[span.place]);
    vscode.window.setStatusBarMessage(`Worst ${next + 1} of ${ranked.length}: ${visibleToken(token?.text ?? '')} ${value}`.replaceAll('$(', '$ ('), 6000);
  }

  private paintAll(editors: readonly vscode.TextEditor[]): void {
    for (const editor of editors) if (editor.document.languageId === TOKENS_LANGUAGE) void this.paint(editor);
  }

  private async paint(editor: vscode.TextEditor): Promise<void> {
    const shown = await this.documentOf(editor.document.uri);
    // The text comes from the same rendering; while it is another (the file was replaced), no colour is better than a wrong one.
    if (!shown || this.disposed || editor.document.getText() !== shown.text) return;
    for (const [level, type] of this.types) {
      const inked = shown.spans.map((span) => ({ level: span.level, start: span.ink, end: span.end }));
      const spans = [...shown.swatches, ...inked].filter((span) => span.level === level);
      editor.setDecorations(type, spans.map((span) => rangeOf(editor.document, span)));
    }
    editor.setDecorations(this.ruler, shown.spans.filter(({ level }) => level === -3).map((span) => rangeOf(editor.document, span)));
  }
}

function spanAt(shown: TokenDocument, offset: number): TokenSpan | undefined {
  return shown.spans.find(({ start, end }) => start <= offset && offset < end);
}

function rangeOf(document: vscode.TextDocument, { start, end }: { readonly start: number; readonly end: number }): vscode.Range {
  return new vscode.Range(document.positionAt(start), document.positionAt(end));
}

/** The same response under another measure, or as its table. */
export function otherView(uri: vscode.Uri, measure: Parameters<typeof tokensUri>[0]['measure']): vscode.Uri | undefined {
  const address = parseTokensUri(uri);
  return address && tokensUri({ ...address, measure }, calledIn(uri));
}
