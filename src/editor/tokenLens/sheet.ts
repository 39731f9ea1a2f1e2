import type * as vscode from 'vscode';
import { formatShare } from '../../present/numbers';
import { nats, type TokenDocument, visibleToken } from '../../samples/tokenDocument';
import { valuesOf } from '../../samples/tokens';
import { TextSheet } from '../textSheet';

const share = (probability: number | undefined): string => (probability === undefined ? '–' : formatShare(probability));
const fromLog = (logp: number | undefined): string => share(logp === undefined ? undefined : Math.exp(logp));

/** Heads of the two columns; the editor leaves them no room of their own. */
const WHO = '&nbsp; student | &nbsp; teacher';

/** What is known of a token, as a hover. */
export function tokenSheet(shown: TokenDocument, place: number): vscode.MarkdownString {
  const sheet = new TextSheet();
  const token = shown.tokens[place];
  if (!token) return sheet.markdown;
  sheet.markup('**').text(visibleToken(token.text === '' ? token.name : token.text)).markup('**  token ').text(`${place + 1} of ${shown.tokens.length}`);
  if (token.partial) sheet.text(', part of a character: the text comes with a later token');
  sheet.markup('\n\n');
  // What matters most comes first: a hover has little room.
  if (token.alternatives.length > 0) {
    sheet.markup(`| would say | ${WHO} |\n|---|--:|--:|\n`);
    for (const one of token.alternatives) sheet.row(`${visibleToken(one.name)}${one.id === token.id ? '  ← said' : ''}`, share(one.student), share(one.teacher));
    sheet.markup('\n');
  }
  sheet.markup(`| | ${WHO} |\n|---|--:|--:|\n`);
  sheet.row('probability', fromLog(token.logpStudent), fromLog(token.logpTeacher));
  sheet.row('entropy', nats(token.entropyStudent), nats(token.entropyTeacher));
  const [gap] = valuesOf([token], 'gap');
  const facts = [
    ...(gap === undefined ? [] : [`gap ${nats(gap)}`]),
    ...(token.kl === undefined ? [] : [`KL ${nats(token.kl)}`]),
    ...(token.reward === undefined ? [] : [`reward ${nats(token.reward)}`]),
  ];
  if (facts.length > 0) sheet.markup('\n').text(`${facts.join(' · ')} nats`).markup('\n');
  return sheet.markdown;
}
