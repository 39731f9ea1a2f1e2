import { type StartedRun, startRun } from '../launch/start';
import { stateLook } from '../present/labels';
import { formatDuration } from '../present/numbers';
import { sendControl } from '../rundir/control';
import type { RunSummary } from '../rundir/runs';
import type { History } from '../telemetry/history';
import { type Call, type Command, exitCodes } from './command';
import { placeOf, placeOptions } from './configPlace';
import { followRun } from './follow';
import { pythonOf } from './python';
import { printResults, resultsJson } from './results';
import { openScreen } from './screens';
import { shipped } from './shipped';
import { oneLine, type Terminal } from './terminal';

export const run: Command = {
  name: 'run',
  operands: ['config'],
  summary: 'Start a distillation and follow it to its end.',
  notes: [
    'The run is detached: it goes on when this command, its terminal or its editor end.',
    'Ctrl-C asks it to finish its step, keep a checkpoint and stop; Ctrl-C again returns to the shell without waiting for that.',
    'Exit codes: 0 finished, 1 failed, 2 bad input, 3 stopped on request.',
  ],
  options: {
    detach: { short: 'd', text: 'Start it and return.' },
    ...placeOptions,
    python: { value: 'path', text: 'Interpreter to train with. Default: the first that can.' },
    json: { text: 'Print JSON lines: the launch, every event, the result.' },
  },
  run: runCommand,
};

async function runCommand(call: Call): Promise<number> {
  const { terminal } = call;
  const asJson = call.is('json');
  const { paint } = terminal;
  const note = (text: string): void => {
    if (terminal.live && !asJson) terminal.write(`\r\u001b[K${paint.dim(`${text} …`)}`);
  };
  let started: StartedRun;
  try {
    started = await startRun({
      ...placeOf(call),
      trainerSource: shipped('trainer'),
      python: pythonOf(call),
      onProgress: note,
    });
  } finally {
    if (terminal.live && !asJson) terminal.write('\r\u001b[K');
  }
  const { id, dir, python, warnings } = started;
  for (const { text } of warnings) terminal.complain(`${paint.yellow('warning:')} ${oneLine(text)}`);
  const how = paint.dim(`Watch it with "minillm tail ${id}", stop it with "minillm stop ${id}".`);
  return watch(call, { id, dir, facts: { python: python.choice, warnings }, detached: [`${paint.bold(id)} is running, in ${dir}`, how] });
}

export interface Begun {
  readonly id: string;
  readonly dir: string;
  /** What else JSON says of a launch; undefined when nothing was launched. */
  readonly facts?: object;
  /** Stands behind the id. */
  readonly note?: string;
  /** What a person reads who does not stay. */
  readonly detached: readonly string[];
}

/** Tells of a run that has just begun. With --detach that is all, else it is shown until it ends; resolves with the exit code. */
export async function watch(call: Call, { id, dir, facts, note = '', detached }: Begun): Promise<number> {
  const { terminal } = call;
  const { paint } = terminal;
  const asJson = call.is('json');
  if (call.is('detach')) {
    if (asJson) terminal.json({ run: id, dir, ...facts });
    else terminal.lines(detached);
    return exitCodes.finished;
  }
  if (!asJson) terminal.lines([`${paint.bold(id)}${note}`, `  ${paint.dim(dir)}`]);
  else if (facts !== undefined) terminal.jsonLine({ kind: 'launched', run: id, dir, ...facts });
  return follow(dir, terminal, asJson);
}

/** Shows a run until it ends, and resolves with its exit code. */
async function follow(dir: string, terminal: Terminal, asJson: boolean): Promise<number> {
  const leave = new AbortController();
  const { paint } = terminal;
  let asked = false;
  const onInterrupt = (): void => {
    if (asked) {
      leave.abort();
      return;
    }
    asked = true;
    if (!terminal.live || asJson) terminal.complain('Asked to stop, with a checkpoint. Ctrl-C again returns to the shell at once.');
    sendControl(dir, 'stop', 'cli').catch((error: unknown) => {
      terminal.complain(`The run could not be asked to stop (${oneLine(String(error))}). Ctrl-C again returns to the shell; the run goes on.`);
    });
  };
  process.on('SIGINT', onInterrupt);
  const screen = openScreen(terminal, asJson);
  let last: { summary: RunSummary; history: History } | undefined;
  try {
    for await (const news of followRun(dir, { signal: leave.signal })) {
      last = news;
      screen.show(news.summary, news.history, news.events, asked);
    }
  } finally {
    screen.close();
    process.off('SIGINT', onInterrupt);
  }
  if (last === undefined || leave.signal.aborted) {
    terminal.complain(paint.dim('The run goes on by itself until it has stopped. "minillm list" shows it.'));
    return exitCodes.interrupted;
  }
  return conclude(last.summary, last.history, terminal, asJson);
}

function conclude(summary: RunSummary, history: History, terminal: Terminal, asJson: boolean): number {
  const code = exitCodeOf(summary);
  if (asJson) {
    terminal.jsonLine({ kind: 'result', exitCode: code, ...(resultsJson(summary, history) as object) });
    return code;
  }
  const { paint } = terminal;
  printResults(history, terminal);
  const took = summary.status ? ` after ${formatDuration(summary.status.heartbeat - summary.status.started)}` : '';
  const { label } = stateLook(summary.state);
  terminal.line();
  if (summary.state === 'finished') terminal.line(`${paint.green('✔')} ${label}${took}: ${history.lastStep} steps, ${history.checkpoints.length} checkpoints in ${summary.dir}`);
  else if (summary.state === 'stopped') terminal.line(`${paint.yellow('■')} ${label} at step ${history.lastStep}${took}. Checkpoints are in ${summary.dir}`);
  else terminal.complain(`${paint.red('✖')} ${label}${took}: ${oneLine(summary.text)} The log is ${summary.dir}/log.txt`);
  return code;
}

/** The exit code of the trainer where it had one to give; a run that was lost has failed. */
export function exitCodeOf(summary: RunSummary): number {
  switch (summary.state) {
    case 'finished':
      return exitCodes.finished;
    case 'stopped':
      return exitCodes.stopped;
    default:
      return (summary.exit?.exitCode ?? summary.status?.exitCode) === exitCodes.badInput ? exitCodes.badInput : exitCodes.failed;
  }
}
