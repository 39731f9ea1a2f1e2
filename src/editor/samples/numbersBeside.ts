import * as vscode from 'vscode';
import { layOutSamples } from '../../samples/document';
import { numbersOf } from '../../samples/measured';
import { Disposable } from '../disposable';
import { afterLine, besideText, EditorsInView, linesInView } from '../inView';
import { parseSamplesUri } from './address';
import type { KnownSides } from './sides';

/** What stands after the lines of a document. */
type Notes = ReadonlyMap<number, string>;

interface Known {
  readonly version: number;
  readonly notes: Promise<Notes>;
}

/**
 * Beside each response in view its score and KL: as part of the text they would be all that a diff shows, and code lenses are not
 * there in diffs.
 */
export class NumbersBeside extends Disposable {
  private readonly beside = this.register(vscode.window.createTextEditorDecorationType(besideText));
  private readonly known = new WeakMap<vscode.TextDocument, Known>();
  /** What each editor shows. */
  private readonly drawn = new WeakMap<vscode.TextEditor, string>();

  constructor(private readonly sides: KnownSides, private readonly warn: (text: string) => void) {
    super();
    this.register(new EditorsInView((editor) => void this.draw(editor))).drawAll();
  }

  private async draw(editor: vscode.TextEditor): Promise<void> {
    const { document } = editor;
    if (parseSamplesUri(document.uri) === undefined) return;
    const notes = await this.notesOf(document);
    if (this.disposed || document.isClosed) return;
    const lines = [...linesInView(editor)].filter((line) => (notes.get(line) ?? '') !== '');
    // Of a set of many diffs each that comes into view tells of all.
    const key = [document.version, ...lines].join(' ');
    if (this.drawn.get(editor) === key) return;
    this.drawn.set(editor, key);
    editor.setDecorations(this.beside, lines.map((line) => afterLine(document, line, notes.get(line) ?? '')));
  }

  private notesOf(document: vscode.TextDocument): Promise<Notes> {
    const { version } = document;
    const known = this.known.get(document);
    if (known?.version === version) return known.notes;
    const notes = this.read(document.uri).catch((error: unknown): Notes => {
      this.warn(`Numbers beside ${document.uri.toString()}: ${String(error)}`);
      return new Map();
    });
    this.known.set(document, { version, notes });
    return notes;
  }

  private async read(uri: vscode.Uri): Promise<Notes> {
    const address = parseSamplesUri(uri);
    const samples = address ? await this.sides.samplesAt(address) : [];
    return new Map(layOutSamples(samples).places.map(({ line, sample }) => [line, numbersOf(sample)]));
  }
}
