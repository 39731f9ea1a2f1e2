import path from 'node:path';
import { forkRun } from '../launch/fork';
import { findRun } from '../rundir/find';
import { type Call, type Command, runs, UsageError } from './command';
import { pythonOf } from './python';
import { watch } from './run';
import { shipped } from './shipped';
import { oneLine } from './terminal';

export const fork: Command = {
  name: 'fork',
  operands: ['run'],
  optional: ['config'],
  summary: 'Start a new run from a checkpoint of another.',
  notes: [
    'The student begins with the weights of the checkpoint; everything else is as the config says. Without a config it is',
    'the one of the other run, less the phases that were done at the checkpoint.',
    'The new run lies beside the other, unless --runs says where.',
  ],
  options: {
    from: { value: 'checkpoint', text: 'A checkpoint\'s name, its step, first, last or best. Needed.' },
    detach: { short: 'd', text: 'Start it and return.' },
    python: { value: 'path', text: 'Interpreter to train with.' },
    runs,
    json: { text: 'Print JSON lines: the launch, every event, the result.' },
  },
  run: forkCommand,
};

async function forkCommand(call: Call): Promise<number> {
  const { terminal } = call;
  const { paint } = terminal;
  const from = call.text('from');
  if (from === undefined) throw new UsageError('minillm fork needs --from <checkpoint>: a name, a step, first, last or best.');
  const parent = await findRun(call.runsFolder, call.operand(0));
  const config = call.optional(1);
  const { id, dir, python, warnings } = await forkRun({
    dir: parent, from, config: config === undefined ? undefined : path.resolve(config), trainerSource: shipped('trainer'),
    workspace: process.cwd(), python: pythonOf(call),
    ...(call.text('runs') === undefined ? {} : { runsFolder: call.runsFolder }),
  });
  for (const { text } of warnings) terminal.complain(`${paint.yellow('warning:')} ${oneLine(text)}`);
  const of = path.basename(parent);
  return watch(call, {
    id, dir, facts: { parent: of, python: python.choice, warnings }, note: ` ${paint.dim(`from ${of}`)}`, detached: [`${paint.bold(id)} is running, in ${dir}`],
  });
}
