import { formatBytes } from '../present/numbers';
import { type Column, formatTable } from '../present/table';
import { findSpare, type Spare, takeSpare } from '../rundir/clean';
import { listRuns } from '../rundir/runs';
import { type Call, type Command, exitCodes, json, runs } from './command';

const DAY = 86_400;
const MOST = 10_000;

export const clean: Command = {
  name: 'clean',
  operands: [],
  summary: 'Make room: delete checkpoints of old runs that nobody would miss.',
  notes: [
    'Of each run that has ended stay the newest complete checkpoint, the best, and those that are pinned; records, samples and',
    'scores stay in any case. Without --yes it only says what it would delete.',
  ],
  options: {
    'older-than': { value: 'days', text: 'Runs that were started that long ago. Default: 30.' },
    yes: { short: 'y', text: 'Delete.' },
    runs,
    json,
  },
  run: cleanCommand,
};

const columns: readonly Column[] = [
  { head: 'run', align: 'left' },
  { head: 'checkpoints', align: 'right' },
  { head: 'size', align: 'right' },
];

async function cleanCommand(call: Call): Promise<number> {
  const { terminal } = call;
  const before = Date.now() / 1000 - (call.number('older-than') ?? 30) * DAY;
  const old = (await listRuns(call.runsFolder, MOST)).filter(({ created }) => created < before);
  const found: Spare[] = [];
  for (const { dir } of old) {
    const spare = await (call.is('yes') ? takeSpare : findSpare)(dir);
    if (spare.checkpoints.length > 0) found.push(spare);
  }
  const bytes = found.reduce((sum, spare) => sum + spare.bytes, 0);
  if (call.is('json')) {
    const told = found.map(({ summary, checkpoints, bytes: size }) =>
      ({ id: summary.id, checkpoints: checkpoints.map(({ name }) => name), bytes: size }));
    terminal.json({ deleted: call.is('yes'), bytes, runs: told });
    return exitCodes.finished;
  }
  if (found.length === 0) {
    terminal.line('There is nothing to delete.');
    return exitCodes.finished;
  }
  const rows = found.map((spare) => [spare.summary.id, String(spare.checkpoints.length), formatBytes(spare.bytes)]);
  terminal.lines(formatTable(columns, rows, terminal.paint.dim));
  terminal.line(`${formatBytes(bytes)} ${call.is('yes') ? 'are free again.' : 'could be freed: add --yes to delete them.'}`);
  return exitCodes.finished;
}
