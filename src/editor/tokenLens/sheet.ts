import * as vscode from 'vscode';
import { formatShare } from '../../present/numbers';
import { nats, type TokenDocument, visibleToken } from '../../samples/tokenDocument';
import { valuesOf } from '../../samples/tokens';

const share = (probability: number | undefined): string => (probability === undefined ? '–' : formatShare(probability));
const fromLog = (logp: number | undefined): string => share(logp === undefined ? undefined : Math.exp(logp));

/** What is known of a token, as a hover. Tokens are text: nothing that a model wrote becomes markup. */
export function tokenSheet(shown: TokenDocument, place: number): vscode.MarkdownString {
  const sheet = new vscode.MarkdownString('', false);
  sheet.isTrusted = false;
  sheet.supportHtml = false;
  const token = shown.tokens[place];
  if (!token) return sheet;
  const row = (...cells: readonly string[]): void => {
    for (const cell of cells) sheet.appendMarkdown('| ').appendText(cell.replaceAll('|', '¦')).appendMarkdown(' ');
    sheet.appendMarkdown('|\n');
  };
  const name = (text: string): string => visibleToken(text);
  sheet.appendMarkdown('**').appendText(name(token.text === '' ? token.name : token.text)).appendMarkdown('**  token ');
  sheet.appendText(`${place + 1} of ${shown.tokens.length}`);
  if (token.partial) sheet.appendText(', part of a character: the text comes with a later token');
  sheet.appendMarkdown('\n\n| | student | teacher |\n|---|--:|--:|\n');
  row('probability', fromLog(token.logpStudent), fromLog(token.logpTeacher));
  row('entropy', nats(token.entropyStudent), nats(token.entropyTeacher));
  const [gap] = valuesOf([token], 'gap');
  const facts = [
    ...(gap === undefined ? [] : [`gap ${nats(gap)}`]),
    ...(token.kl === undefined ? [] : [`KL ${nats(token.kl)}`]),
    ...(token.reward === undefined ? [] : [`reward ${nats(token.reward)}`]),
  ];
  if (facts.length > 0) sheet.appendMarkdown('\n').appendText(`${facts.join(' · ')} nats`).appendMarkdown('\n');
  if (token.alternatives.length > 0) {
    sheet.appendMarkdown('\n| would say | student | teacher |\n|---|--:|--:|\n');
    for (const one of token.alternatives) row(`${name(one.name)}${one.id === token.id ? '  ← said' : ''}`, share(one.student), share(one.teacher));
  }
  return sheet;
}
