/* What the commands write on: the standard streams, and what they can show. */
import { showControlCharacters } from '../present/text';

export interface Paint {
  readonly bold: (text: string) => string;
  readonly dim: (text: string) => string;
  readonly red: (text: string) => string;
  readonly green: (text: string) => string;
  readonly yellow: (text: string) => string;
  readonly blue: (text: string) => string;
  readonly cyan: (text: string) => string;
}

const style = (on: boolean, open: number, close: number) => (text: string): string =>
  on && text !== '' ? `\u001b[${open}m${text}\u001b[${close}m` : text;

export function makePaint(on: boolean): Paint {
  return {
    bold: style(on, 1, 22),
    dim: style(on, 2, 22),
    red: style(on, 31, 39),
    green: style(on, 32, 39),
    yellow: style(on, 33, 39),
    blue: style(on, 34, 39),
    cyan: style(on, 36, 39),
  };
}

/** Text from a run's files on one line, with nothing in it that a terminal would obey. */
export const oneLine = (text: string): string => showControlCharacters(text).replace(/\s*\n\s*/g, ' ');

/** NO_COLOR and FORCE_COLOR are what other programs take them for (no-color.org); otherwise a terminal decides. */
export function wantsColor(env: NodeJS.ProcessEnv, isTerminal: boolean): boolean {
  if (env['NO_COLOR'] !== undefined && env['NO_COLOR'] !== '') return false;
  if (env['FORCE_COLOR'] !== undefined && env['FORCE_COLOR'] !== '') return env['FORCE_COLOR'] !== '0';
  return isTerminal && env['TERM'] !== 'dumb';
}

export class Terminal {
  readonly paint: Paint;
  /** Lines can be rewritten in place. */
  readonly live: boolean;

  constructor(
    private readonly stdout: NodeJS.WriteStream = process.stdout,
    private readonly stderr: NodeJS.WriteStream = process.stderr,
    env: NodeJS.ProcessEnv = process.env,
  ) {
    this.paint = makePaint(wantsColor(env, stdout.isTTY));
    this.live = stdout.isTTY && env['TERM'] !== 'dumb';
    // The reader went away (`| head`): there is nobody left to write for, and that is no error.
    stdout.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EPIPE') process.exit(0);
      throw error;
    });
  }

  get columns(): number {
    return this.stdout.isTTY ? Math.max(40, this.stdout.columns || 80) : Infinity;
  }

  write(text: string): void {
    this.stdout.write(text);
  }

  line(text = ''): void {
    this.stdout.write(`${text}\n`);
  }

  lines(lines: Iterable<string>): void {
    for (const line of lines) this.line(line);
  }

  json(value: unknown): void {
    this.line(JSON.stringify(value, finite, 1));
  }

  /** One JSON document on one line. */
  jsonLine(value: unknown): void {
    this.line(JSON.stringify(value, finite));
  }

  complain(text: string): void {
    this.stderr.write(`${text}\n`);
  }
}

/** Numbers that are not finite are strings, as in a run's own files. */
const finite = (_: string, value: unknown): unknown => (typeof value === 'number' && !Number.isFinite(value) ? String(value) : value);
