/* The command `minillm`: the second composition root. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { diagnoseConfig } from '../config/diagnose';
import { ConfigError, LaunchError } from '../launch/start';
import { pad } from '../present/width';
import { NoSuchRun } from '../rundir/find';
import { NoSuchSide } from '../rundir/sides';
import { requests } from './ask';
import { clean } from './clean';
import { type Command, exitCodes, parseCall, UsageError } from './command';
import { compare } from './compare';
import { diff } from './diff';
import { doctor } from './doctor';
import { fork } from './fork';
import { list } from './list';
import { preflight } from './preflight';
import { resume } from './resume';
import { run } from './run';
import { samples } from './samples';
import { shipped } from './shipped';
import { show } from './show';
import { stop } from './stop';
import { tail } from './tail';
import { oneLine, Terminal } from './terminal';

const commands: readonly Command[] = [
  run, preflight, list, show, compare, tail, stop, ...requests, resume, fork, samples, diff, clean, doctor,
];

async function main(args: readonly string[], terminal: Terminal): Promise<number> {
  const [name, ...rest] = args;
  if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
    const about = commands.find((command) => command.name === rest[0]);
    terminal.lines(about && name === 'help' ? commandHelp(about, terminal) : overview(terminal));
    return name === undefined ? exitCodes.badInput : exitCodes.finished;
  }
  if (name === '--version' || name === '-v') {
    terminal.line(await version());
    return exitCodes.finished;
  }
  const command = commands.find((one) => one.name === name);
  if (command === undefined) throw new UsageError(`minillm has no command "${name}". There are ${commands.map((one) => one.name).join(', ')}.`);
  if (rest.includes('--help') || rest.includes('-h')) {
    terminal.lines(commandHelp(command, terminal));
    return exitCodes.finished;
  }
  return command.run(parseCall(command, rest, terminal));
}

async function version(): Promise<string> {
  const manifest = JSON.parse(await readFile(shipped('package.json'), 'utf8')) as { version?: string };
  return manifest.version ?? 'unknown';
}

const usage = ({ name, operands, optional = [], more = 0 }: Command): string =>
  [name, ...operands.map((operand) => `<${operand}>`), ...optional.map((operand) => `[${operand}]`), ...(more > 0 ? ['…'] : [])].join(' ');

function overview({ paint }: Terminal): string[] {
  return [
    'Distil large language models into small ones, and watch it happen.', '',
    `${paint.bold('minillm')} <command> [options]`, '',
    ...commands.map((command) => `  ${pad(usage(command), 22)}${command.summary}`), '',
    paint.dim('"minillm <command> --help" tells more of each.'),
  ];
}

function commandHelp(command: Command, { paint }: Terminal): string[] {
  const options = Object.entries(command.options).map(([name, { value, short, text }]) =>
    [`${short === undefined ? '    ' : `-${short}, `}--${name}${value === undefined ? '' : ` <${value}>`}`, text] as const);
  const width = Math.max(...options.map(([flag]) => flag.length)) + 2;
  return [
    command.summary, '',
    `${paint.bold(`minillm ${usage(command)}`)} [options]`, '',
    ...options.map(([flag, text]) => `  ${pad(flag, width)}${text}`),
    ...(command.notes ? ['', ...command.notes] : []),
  ];
}

/** What the user reads of an error, and the exit code that it means. */
async function explain(error: unknown): Promise<{ readonly lines: readonly string[]; readonly code: number }> {
  if (error instanceof ConfigError) return { lines: await problemLines(error), code: exitCodes.badInput };
  if (error instanceof LaunchError) {
    const ours = error.reason === 'supervisor died' || error.reason === 'no answer' || error.reason === 'check failed';
    const code = ours ? exitCodes.failed : exitCodes.badInput;
    return { lines: [`${error.message} ${error.fix}`], code };
  }
  const badInput = error instanceof UsageError || error instanceof NoSuchRun || error instanceof NoSuchSide;
  return { lines: [error instanceof Error ? error.message : String(error)], code: badInput ? exitCodes.badInput : exitCodes.failed };
}

/** Each problem with its place, in the form that terminals and editors make a link of. */
async function problemLines({ config, problems }: ConfigError): Promise<string[]> {
  const text = await readFile(config, 'utf8').catch(() => undefined);
  if (text === undefined) return problems.map((problem) => problem.text);
  return diagnoseConfig(text, problems).map((problem) => {
    const place = problem.file === undefined
      ? `${path.relative('', config)}:${problem.range.start.line + 1}:${problem.range.start.character + 1}`
      : `${path.relative('', problem.file)}:${problem.line ?? 1}`;
    return `${place}: ${problem.severity === 'error' ? '' : 'warning: '}${problem.text}`;
  });
}

const terminal = new Terminal();
main(process.argv.slice(2), terminal).then(
  (code) => (process.exitCode = code),
  async (error: unknown) => {
    const { lines, code } = await explain(error);
    for (const line of lines) terminal.complain(oneLine(line)); // names of files, runs and keys are in it
    process.exitCode = code;
  },
);
