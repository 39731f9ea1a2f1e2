import path from 'node:path';
import { parseArgs } from 'node:util';
import type { Terminal } from './terminal';

/** The command line itself is wrong. The message is a sentence for the user. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

export interface Option {
  /** What stands for its value in the help; without it the option is a switch. */
  readonly value?: string;
  readonly short?: string;
  readonly text: string;
}

export interface Command {
  readonly name: string;
  /** Names of what comes after it, all needed. */
  readonly operands: readonly string[];
  /** Names of what may come after those. */
  readonly optional?: readonly string[];
  /** How many more of the last of them may follow. */
  readonly more?: number;
  readonly summary: string;
  /** What else its help should say. */
  readonly notes?: readonly string[];
  readonly options: Readonly<Record<string, Option>>;
  /** Resolves with the exit code. */
  run(call: Call): Promise<number>;
}

/** Exit codes: those of a run, and of every command. */
export const exitCodes = { finished: 0, failed: 1, badInput: 2, stopped: 3, interrupted: 130 } as const;

export const json: Option = { text: 'Print JSON instead of text.' };
export const runs: Option = { value: 'folder', text: 'Where the runs lie. Default: runs in the working directory.' };

/** A command line, taken apart. */
export class Call {
  constructor(
    readonly terminal: Terminal,
    private readonly operands: readonly string[],
    private readonly values: Readonly<Record<string, string | boolean | undefined>>,
  ) {}

  operand(index: number): string {
    return this.operands[index] ?? '';
  }

  /** All of them. */
  get all(): readonly string[] {
    return this.operands;
  }

  /** One that may be left out. */
  optional(index: number): string | undefined {
    return this.operands[index];
  }

  text(name: string): string | undefined {
    const value = this.values[name];
    return typeof value === 'string' ? value : undefined;
  }

  is(name: string): boolean {
    return this.values[name] === true;
  }

  /** A whole number from 0; undefined when the option was not given. */
  number(name: string): number | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    if (!/^\d{1,9}$/.test(text)) throw new UsageError(`--${name} takes a whole number, not "${text}".`);
    return Number(text);
  }

  get runsFolder(): string {
    return path.resolve(this.text('runs') ?? 'runs');
  }
}

export function parseCall(command: Command, args: readonly string[], terminal: Terminal): Call {
  const options: Record<string, { type: 'string' | 'boolean'; short?: string }> = {};
  for (const [name, { value, short }] of Object.entries(command.options)) {
    options[name] = { type: value === undefined ? 'boolean' : 'string', ...(short === undefined ? {} : { short }) };
  }
  const hint = `"minillm ${command.name} --help" tells more.`;
  const { values, positionals, tokens } = parseArgs({ args: [...args], options, allowPositionals: true, strict: false, tokens: true });
  for (const token of tokens) {
    if (token.kind !== 'option') continue;
    const option = command.options[token.name];
    if (option === undefined) throw new UsageError(`minillm ${command.name} has no option "${token.rawName}". ${hint}`);
    // "--step --json": what looks like an option is one.
    const lacksValue = token.value === undefined || (!token.inlineValue && token.value.startsWith('-'));
    if (option.value !== undefined && lacksValue) throw new UsageError(`${token.rawName} needs a value: ${token.rawName} <${option.value}>. ${hint}`);
    if (option.value === undefined && token.value !== undefined) throw new UsageError(`${token.rawName} takes no value. ${hint}`);
  }
  const missing = command.operands[positionals.length];
  if (missing !== undefined) throw new UsageError(`minillm ${command.name} needs a ${missing}. ${hint}`);
  const extra = positionals[command.operands.length + (command.optional?.length ?? 0) + (command.more ?? 0)];
  if (extra !== undefined) throw new UsageError(`minillm ${command.name} does not know what to do with "${extra}". ${hint}`);
  return new Call(terminal, positionals, values);
}
