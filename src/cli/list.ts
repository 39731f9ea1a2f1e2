import { headlineKl } from '../present/checkpoints';
import { stateLook, timeLeft } from '../present/labels';
import { formatDuration, formatNumber } from '../present/numbers';
import { type Column, formatTable } from '../present/table';
import type { RunState } from '../contract/runState';
import { readRecent } from '../rundir/recent';
import { listRuns, type RunSummary } from '../rundir/runs';
import { type Call, type Command, exitCodes, json, runs } from './command';
import { oneLine, type Paint } from './terminal';

export const list: Command = {
  name: 'list',
  operands: [],
  summary: 'List runs, the newest first.',
  options: { limit: { value: 'n', short: 'n', text: 'How many at most. Default: 20.' }, runs, json },
  run: listCommand,
};

const columns: readonly Column[] = [
  { head: 'run', align: 'left' },
  { head: 'state', align: 'left' },
  { head: 'step', align: 'right' },
  { head: 'reverse KL', align: 'right' },
  { head: '', align: 'left' },
];

async function listCommand(call: Call): Promise<number> {
  const { terminal } = call;
  const found = await listRuns(call.runsFolder, call.number('limit') ?? 20);
  const kls = await Promise.all(found.map(async ({ dir, active }) => headlineKl(await readRecent(dir), active)));
  if (call.is('json')) {
    terminal.json(found.map((summary, i) => ({ ...summaryJson(summary), kl: kls[i]?.nats ?? null })));
    return exitCodes.finished;
  }
  if (found.length === 0) {
    terminal.line(`There are no runs in ${call.runsFolder}.`);
    return exitCodes.finished;
  }
  const { paint } = terminal;
  const rows = found.map((summary, i) => {
    const kl = kls[i];
    return [summary.id, paintState(summary.state, paint), stepText(summary), kl === undefined ? '–' : formatNumber(kl.nats), paint.dim(whenText(summary))];
  });
  terminal.lines(formatTable(columns, rows, paint.dim));
  for (const { id, problem } of found) if (problem !== undefined) terminal.complain(`${id}: ${oneLine(problem)}`);
  return exitCodes.finished;
}

/** What JSON readers get of a run, in every command. */
export function summaryJson({ id, dir, name, created, state, text, status, problem }: RunSummary): Record<string, unknown> {
  const { step = 0, total = 0, eta = null } = status ?? {};
  return { id, dir, name, created, state, text, step, total, eta, problem: problem ?? null };
}

export function paintState(state: RunState, paint: Paint): string {
  const { label, color } = stateLook(state);
  const painters: Readonly<Record<string, (text: string) => string>> = {
    'charts.blue': paint.cyan, 'charts.green': paint.green, 'charts.yellow': paint.yellow, 'charts.red': paint.red,
  };
  return (color === undefined ? undefined : painters[color])?.(label) ?? label;
}

const stepText = ({ status }: RunSummary): string => (status === undefined || status.total === 0 ? '–' : `${status.step}/${status.total}`);

function whenText(summary: RunSummary): string {
  if (summary.active) return timeLeft(summary.status?.eta) ?? '';
  return summary.created > 0 ? `${formatDuration(Math.max(0, Date.now() / 1000 - summary.created))} ago` : '';
}
