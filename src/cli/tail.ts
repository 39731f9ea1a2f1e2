import { describeEvent } from '../present/events';
import { findRun } from '../rundir/find';
import { type Call, type Command, exitCodes, json, runs } from './command';
import { followRun } from './follow';
import { oneLine } from './terminal';

export const tail: Command = {
  name: 'tail',
  operands: ['run'],
  summary: 'Print what happens in a run, as it happens, until it ends.',
  notes: ['A run is named by its id, the beginning of one, "latest", or the path of its folder. Ctrl-C leaves; the run goes on.'],
  options: {
    lines: { value: 'n', short: 'n', text: 'Begin with the last n lines. Default: 20 (with --json: all).' },
    'no-follow': { text: 'End after what is there now.' },
    runs,
    json: { ...json, text: 'Print the events themselves, a JSON document a line.' },
  },
  run: tailCommand,
};

async function tailCommand(call: Call): Promise<number> {
  const { terminal } = call;
  const asJson = call.is('json');
  const wanted = call.number('lines') ?? (asJson ? Infinity : 20);
  const dir = await findRun(call.runsFolder, call.operand(0));
  for await (const { events, first } of followRun(dir, { once: call.is('no-follow') })) {
    for (const event of first ? events.slice(Math.max(0, events.length - wanted)) : events) {
      const text = describeEvent(event);
      if (asJson) terminal.jsonLine(event);
      else if (text !== undefined) terminal.line(`${terminal.paint.dim(new Date(1000 * event.t).toLocaleTimeString('en-GB'))}  ${oneLine(text)}`);
    }
  }
  return exitCodes.finished;
}
