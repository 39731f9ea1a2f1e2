import { whatDiffers } from '../present/comparable';
import { tellApart } from '../present/runNames';
import { MOST_OVERLAYS } from '../protocol/runPanel';
import { sideBySide } from '../protocol/sideBySide';
import { findRun } from '../rundir/find';
import { readHistory } from '../rundir/follow';
import { type Call, type Command, exitCodes, json, runs, UsageError } from './command';
import { printSideBySide } from './results';
import { oneLine } from './terminal';

/** As many as the panel shows: columns that a terminal has room for. */
const MOST = 1 + MOST_OVERLAYS;

export const compare: Command = {
  name: 'compare',
  operands: ['run', 'run'],
  more: MOST - 2,
  summary: 'Set the scores of several runs side by side.',
  notes: [
    `A run is named by its id, the beginning of one, "latest", or the path of its folder. At most ${MOST}.`,
    'What was scored by another teacher than the first, or on other rows, is told below the table.',
  ],
  options: { runs, json },
  run: compareCommand,
};

async function compareCommand(call: Call): Promise<number> {
  const { terminal } = call;
  const dirs = await Promise.all(call.all.map((name) => findRun(call.runsFolder, name)));
  const twice = call.all.find((_, i) => dirs.indexOf(dirs[i] ?? '') < i);
  if (twice !== undefined) throw new UsageError(`"${twice}" names a run that is named already: each run is compared once.`);
  const read = await Promise.all(dirs.map(readHistory));
  const first = read[0]?.summary.run;
  const names = tellApart(read.map(({ summary: { id, name } }) => ({ id, name: oneLine(name) })));
  const contenders = read.map(({ summary: { id, run }, history: { evaluations, phases } }, i) => (
    { id, name: names[i] ?? id, differs: i === 0 ? [] : whatDiffers(first, run), evaluations, phases }));
  const table = sideBySide(contenders);
  if (call.is('json')) {
    terminal.json(read.map(({ summary: { id, name, dir, state }, history }, i) => {
      const row = table?.rows[i];
      const scores = row && Object.fromEntries(table.metrics.map((metric, column) => [metric, row.values[column] ?? null]));
      // One that has not been scored yet has a row, too: it stands beside those that have.
      const told = row?.values.some((value) => value !== null) === true ? { scoredAt: row.step, scores } : { scoredAt: null, scores: null };
      const { differs } = contenders[i] ?? {};
      return { run: id, name, dir, state, step: history.lastStep, differs, ...told };
    }));
  } else if (table) printSideBySide(table, terminal);
  else terminal.line('Fewer than two of these runs have been scored yet: scores come with checkpoints.');
  return exitCodes.finished;
}
