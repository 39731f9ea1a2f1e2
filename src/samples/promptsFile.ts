/* Where the prompts of a run stand in a file that a person edits. */
import type { Sample } from '../contract/generated';

/** A line of the file that is a prompt of the run. */
export interface PromptLine {
  /** From 0. */
  readonly line: number;
  readonly promptId: string;
}

export type PromptsFormat = 'jsonl' | 'txt' | 'md';

export function formatOf(fileName: string): PromptsFormat | undefined {
  const [, ending] = /\.(jsonl|txt|md)$/i.exec(fileName) ?? [];
  return ending?.toLowerCase() as PromptsFormat | undefined;
}

/** Before the id of a validation row that is sampled besides the inspection prompts; the trainer's side of it is inspection.py. */
export const VALIDATION = 'validation:';
/** The row's own id, without reading the row: of ten thousand lines only those that were sampled are worth parsing. */
const ID = /"id"\s*:\s*(?:"((?:[^"\\]|\\.)*)"|(-?\d+))/;
/** Likewise what it asks: a prompt that stands in both files is sampled once, under the id that it has in the inspection file. */
const ASKED = /"(?:prompt|instruction)"\s*:\s*"((?:[^"\\]|\\.)*)"/;
const LIST_ITEM = /^\s*(?:[-*+]|\d+[.)])\s+(.*\S)\s*$/;

/** What a row asks, as the trainer reads rows. */
function askedIn(line: string): string | undefined {
  let row: unknown;
  try {
    row = JSON.parse(line);
  } catch {
    return undefined; // in the middle of being typed
  }
  if (row === null || typeof row !== 'object') return undefined;
  const { prompt, instruction, messages } = row as Record<string, unknown>;
  if (typeof prompt === 'string') return prompt;
  if (typeof instruction === 'string') return instruction;
  if (!Array.isArray(messages)) return undefined;
  const asked = (messages as unknown[]).findLast((turn) => (turn as { role?: unknown } | null)?.role === 'user');
  const content = (asked as { content?: unknown } | undefined)?.content;
  return typeof content === 'string' ? content : undefined;
}

function unescaped(text: string): string {
  if (!text.includes('\\')) return text;
  try {
    return JSON.parse(`"${text}"`) as string;
  } catch {
    return text;
  }
}

/**
 * The prompts of a run in the lines of any file but its inspection file. A row is known by its id (else by the number of its line, as
 * the trainer counts), and only as long as it asks what was asked: a template may stand around the words. Lines of text, items of
 * lists, and rows that are sampled under another id are known by their words.
 */
export function findPrompts(lines: readonly string[], format: PromptsFormat, prompts: ReadonlyMap<string, Sample>): PromptLine[] {
  if (format !== 'jsonl') return findTexts(lines, format, prompts);
  const byText = idsByText(prompts);
  return findRows(lines, prompts, (id, text) => [VALIDATION + id, id, byText.get(unescaped(ASKED.exec(text)?.[1] ?? '').trim())]);
}

/** The prompts of a run in its inspection file, whose rows have the ids of no other file. */
export function findInspectionPrompts(lines: readonly string[], prompts: ReadonlyMap<string, Sample>): PromptLine[] {
  return findRows(lines, prompts, (id) => [id]);
}

/** Lines of the inspection file that are whole rows and ask something that nobody has answered. */
export function findUnanswered(lines: readonly string[], prompts: ReadonlyMap<string, Sample>): number[] {
  const answered = new Set(findInspectionPrompts(lines, prompts).map(({ line }) => line));
  return [...lines.keys()].filter((line) => !answered.has(line) && askedIn(lines[line] ?? '') !== undefined);
}

/** Rows that ask what one of the prompts does that they may stand for: the first of those that `idsOf` names. */
function findRows(
  lines: readonly string[], prompts: ReadonlyMap<string, Sample>, idsOf: (id: string, text: string) => readonly (string | undefined)[],
): PromptLine[] {
  const found: PromptLine[] = [];
  for (const [line, text] of lines.entries()) {
    const [, quoted, number] = ID.exec(text) ?? [];
    const own = quoted !== undefined ? unescaped(quoted) : (number ?? String(line + 1));
    const samples = idsOf(own, text).flatMap((id) => (id === undefined ? [] : (prompts.get(id) ?? [])));
    const asked = samples.length === 0 ? undefined : askedIn(text);
    const sample = asked === undefined ? undefined : samples.find(({ prompt }) => prompt.includes(asked));
    if (sample) found.push({ line, promptId: sample.promptId });
  }
  return found;
}

const idsByText = (prompts: ReadonlyMap<string, Sample>): Map<string, string> =>
  new Map([...prompts].map(([promptId, { prompt }]) => [prompt.trim(), promptId]));

function findTexts(lines: readonly string[], format: PromptsFormat, prompts: ReadonlyMap<string, Sample>): PromptLine[] {
  const byText = idsByText(prompts);
  const found: PromptLine[] = [];
  for (const [line, text] of lines.entries()) {
    const words = format === 'md' ? LIST_ITEM.exec(text)?.[1]?.replace(/^`(.*)`$/, '$1') : text.trim();
    const promptId = words === undefined ? undefined : byText.get(words);
    if (promptId !== undefined) found.push({ line, promptId });
  }
  return found;
}
