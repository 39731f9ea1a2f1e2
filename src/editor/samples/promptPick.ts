/* A prompt as a row of a list to pick from: its name, the other half of its name, and what was answered. */
import type * as vscode from 'vscode';
import { showOnOneLine } from '../../present/text';
import type { PromptName } from '../../samples/promptName';

/** Characters of a name that leave room for an id beside them, and those of an answer that a line has room for. */
const LONGEST_NAME = 64;
const LONGEST_ANSWER = 100;

/** The editor makes icons of `$(…)`. */
const plain = (text: string): string => text.replaceAll('$(', '$ (');

/** `which` of the prompt's answers it is, where there are several. */
export function promptPick({ label, description }: PromptName, answer: string, which?: string): vscode.QuickPickItem {
  const said = showOnOneLine(answer, LONGEST_ANSWER);
  const detail = [...(which === undefined ? [] : [which]), said === '' ? '(nothing)' : said].join(': ');
  return { label: plain(showOnOneLine(label, LONGEST_NAME)), description: plain(description), detail: plain(detail) };
}
