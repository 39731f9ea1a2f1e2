/* What a prompt is called where a line is all there is: in lists, on tabs, above its answers. */
import { showOnOneLine } from '../present/text';
import { VALIDATION } from './promptsFile';

export interface PromptName {
  /** The name that its row has; of a row that is only numbered, the prompt's first line. */
  readonly label: string;
  /** The other of the two. */
  readonly description: string;
}

interface Asked {
  readonly promptId: string;
  readonly prompt: string;
}

/** Characters of a prompt that a list has room for. */
const LONGEST = 80;
/** Characters of a prompt in which its first line is looked for: one may be a megabyte. */
const READ = 20_000;

/** What chat templates put around a turn, with the name of who speaks where it follows. */
const MARKS = /(?:<[|｜][^<>\s]{1,60}>|<[^<>\s]{1,60}[|｜]>|<\/?s>|<(?:bos|eos|(?:start|end)_of_turn)>|\[\/?INST\])(?:(?:system|user|assistant|model)(?=\s*[\n<]))?/g;

/** Rows without an id have the number of their line for one; a second row with the same id has it with a number behind it. */
function isNumber(promptId: string): boolean {
  return /^-?\d+(?:-\d+)?$/.test(promptId.startsWith(VALIDATION) ? promptId.slice(VALIDATION.length) : promptId);
}

function linesOf(prompt: string): string[] {
  const lines = prompt.slice(0, READ).replace(MARKS, '\n').split('\n').map((line) => line.trim());
  return [...new Set(lines.filter((line) => line !== ''))];
}

/**
 * Names the prompts of a run: returns what finds a name by an id. A template stands around all of them, so that a prompt's first line
 * is the first that the fewest others have, too.
 */
export function namePrompts(asked: readonly Asked[]): (promptId: string) => PromptName {
  const lines = new Map(asked.map(({ prompt }) => [prompt, [] as string[]]));
  const counts = new Map<string, number>();
  for (const [prompt, own] of lines) {
    own.push(...linesOf(prompt));
    for (const line of own) counts.set(line, (counts.get(line) ?? 0) + 1);
  }
  const firstOf = (prompt: string): string => {
    const own = lines.get(prompt) ?? [];
    const fewest = Math.min(...own.map((line) => counts.get(line) ?? 0));
    return own.find((line) => counts.get(line) === fewest) ?? '';
  };
  const prompts = new Map(asked.map(({ promptId, prompt }) => [promptId, prompt]));
  return (promptId) => {
    const [id, first] = [showOnOneLine(promptId, LONGEST), showOnOneLine(firstOf(prompts.get(promptId) ?? ''), LONGEST)];
    return isNumber(promptId) && first !== '' ? { label: first, description: id } : { label: id, description: first };
  };
}
