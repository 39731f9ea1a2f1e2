import * as vscode from 'vscode';
import type { Sample } from '../../contract/generated';
import { checkpointLabel } from '../../present/labels';
import { formatNumber } from '../../present/numbers';
import { scoreWord } from '../../samples/measured';
import { Disposable } from '../disposable';
import { TextSheet } from '../textSheet';
import { inlineText } from './annotations';
import type { SampleBook } from './book';
import { isEnabled, type PromptDocuments, promptFiles } from './documents';

/** Above each sampled prompt: how it stands, and the ways to look closer. On hover: every answer it ever had. */
export class InlineLenses extends Disposable implements vscode.CodeLensProvider, vscode.HoverProvider {
  private readonly changed = this.register(new vscode.EventEmitter<void>());
  readonly onDidChangeCodeLenses = this.changed.event;

  constructor(private readonly book: SampleBook, private readonly documents: PromptDocuments) {
    super();
    this.register(vscode.languages.registerCodeLensProvider(promptFiles, this));
    this.register(vscode.languages.registerHoverProvider(promptFiles, this));
    this.register(book.onDidChange(() => this.changed.fire()));
    this.register(vscode.workspace.onDidChangeConfiguration((change) => {
      if (change.affectsConfiguration('minillm.inlineSamples')) this.changed.fire();
    }));
  }

  provideCodeLenses(document: vscode.TextDocument): vscode.CodeLens[] {
    const { shown } = this.book;
    if (!shown || !isEnabled(document.uri)) return [];
    const { dir, checkpoint, before } = shown;
    return [...this.documents.promptsIn(document).values()].flatMap(({ line, promptId }) => {
      const range = new vscode.Range(line, 0, line, 0);
      const sample = shown.samples.get(promptId);
      const word = sample ? scoreWord(sample) : '';
      const lens = (title: string, command: string, args: object): vscode.CodeLens =>
        new vscode.CodeLens(range, { title, command, arguments: [args] });
      const here = { dir, checkpoint, promptId, draw: 0 };
      return [
        lens(`${checkpointLabel(checkpoint)}${word === '' ? '' : ` · ${word}`}`, 'minillm.openSamples', { dir, checkpoint, promptId }),
        ...(before === undefined ? [] : [lens('Diff', 'minillm.compareSamples', { dir, promptId, from: before, to: checkpoint })]),
        lens('Travel', 'minillm.openTimeTravel', here),
        lens('Tokens', 'minillm.inspectTokens', here),
      ];
    });
  }

  async provideHover(document: vscode.TextDocument, position: vscode.Position): Promise<vscode.Hover | undefined> {
    const { shown } = this.book;
    const prompt = this.documents.promptsIn(document).get(position.line);
    if (!shown || !prompt || !isEnabled(document.uri)) return undefined;
    const { dir, checkpoints } = shown;
    const sides = await Promise.all([...checkpoints, 'teacher'].map((name) => this.book.side(dir, name).catch(() => undefined)));
    const answers = checkpoints.flatMap((checkpoint, place): Answer[] => {
      const sample = sides[place]?.get(prompt.promptId);
      return sample ? [{ label: checkpointLabel(checkpoint).replace('step ', ''), sample }] : [];
    });
    return new vscode.Hover(answerSheet(answers, sides.at(-1)?.get(prompt.promptId)), document.lineAt(position.line).range);
  }
}

interface Answer {
  readonly label: string;
  readonly sample: Sample;
}

/** All answers as a table, the newest first; the same answer at several checkpoints in a row is one row. */
function answerSheet(answers: readonly Answer[], teacher: Sample | undefined): vscode.MarkdownString {
  const sheet = new TextSheet();
  // A score stays on its line: the answer is what wraps.
  const word = (sample: Sample): string => scoreWord(sample).replaceAll('-', '\u2011').replaceAll(' ', '\u00a0');
  const number = (value: number | null): string => (typeof value === 'number' ? formatNumber(value) : '');
  const measures = ({ kl, klSequence, length }: Sample): string[] => [number(kl), number(klSequence), String(length)];
  sheet.markup('| step | answer | score | KL | sequence KL | tokens |\n|--:|---|---|--:|--:|--:|\n');
  const rows: { first: string; last: string; sample: Sample }[] = [];
  for (const { label, sample } of answers) {
    const before = rows.at(-1);
    if (before?.sample.text === sample.text) Object.assign(before, { last: label, sample });
    else rows.push({ first: label, last: label, sample });
  }
  for (const { first, last, sample } of rows.reverse()) {
    sheet.row(first === last ? first : `${first}–${last}`, inlineText(sample.text) || '(nothing)', word(sample), ...measures(sample));
  }
  if (teacher) sheet.row('teacher', inlineText(teacher.text) || '(nothing)', word(teacher), ...measures(teacher));
  const references = (answers.at(-1)?.sample ?? teacher)?.references ?? [];
  for (const reference of references) sheet.row('reference', inlineText(reference), '', '', '', '');
  return sheet.markdown;
}
