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

/** The row's own id, without reading the row: of ten thousand lines only those that were sampled are worth parsing. */
const ID = /"id"\s*:\s*(?:"((?:[^"\\]|\\.)*)"|(-?\d+))/;
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
 * The prompts of a run in a file's lines. A row is known by its id (else by the number of its line, as the trainer counts),
 * and only as long as it asks what was asked: a template may stand around the words. Lines of text and items of lists are
 * known by their words.
 */
export function findPrompts(lines: readonly string[], format: PromptsFormat, prompts: ReadonlyMap<string, Sample>): PromptLine[] {
  if (format !== 'jsonl') return findTexts(lines, format, prompts);
  const found: PromptLine[] = [];
  for (const [line, text] of lines.entries()) {
    const [, quoted, number] = ID.exec(text) ?? [];
    const promptId = quoted !== undefined ? unescaped(quoted) : (number ?? String(line + 1));
    const sample = prompts.get(promptId);
    if (!sample) continue;
    const asked = askedIn(text);
    if (asked !== undefined && sample.prompt.includes(asked)) found.push({ line, promptId });
  }
  return found;
}

/** Lines that are whole rows and ask something that nobody has answered. */
export function findUnanswered(lines: readonly string[], prompts: ReadonlyMap<string, Sample>): number[] {
  const answered = new Set(findPrompts(lines, 'jsonl', prompts).map(({ line }) => line));
  return [...lines.keys()].filter((line) => !answered.has(line) && askedIn(lines[line] ?? '') !== undefined);
}

function findTexts(lines: readonly string[], format: PromptsFormat, prompts: ReadonlyMap<string, Sample>): PromptLine[] {
  const byText = new Map([...prompts].map(([promptId, { prompt }]) => [prompt.trim(), promptId]));
  const found: PromptLine[] = [];
  for (const [line, text] of lines.entries()) {
    const words = format === 'md' ? LIST_ITEM.exec(text)?.[1]?.replace(/^`(.*)`$/, '$1') : text.trim();
    const promptId = words === undefined ? undefined : byText.get(words);
    if (promptId !== undefined) found.push({ line, promptId });
  }
  return found;
}
