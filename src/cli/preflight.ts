import { ConfigError } from '../launch/errors';
import { preflight as check } from '../launch/preflight';
import { doctorLines, good } from '../present/doctor';
import { type Call, type Command, exitCodes, json } from './command';
import { placeOf, placeOptions } from './configPlace';
import { pythonOf } from './python';
import { shipped } from './shipped';
import { oneLine } from './terminal';

export const preflight: Command = {
  name: 'preflight',
  operands: ['config'],
  summary: 'Check a config, its models and data, Python and the disk, without starting anything.',
  notes: [
    'Models are loaded, from the hub where need be, and looked at as a run does at its start: rows that are too long, special tokens,',
    'templates, how well the teacher knows the references, and the memory that the run will need. Nothing is trained.',
    'Exit codes: 0 a run can start, 1 it cannot, 2 the config is wrong.',
  ],
  options: {
    static: { text: 'Load nothing: look at the config, its files, Python and the disk alone. Takes a second.' },
    ...placeOptions,
    python: { value: 'path', text: 'Interpreter to look at. Default: the one that "run" would take.' },
    json,
  },
  run: preflightCommand,
};

async function preflightCommand(call: Call): Promise<number> {
  const { terminal } = call;
  const { paint } = terminal;
  const place = placeOf(call);
  const live = terminal.live && !call.is('json');
  const { checks, config, problems } = await check({
    ...place, env: process.env, trainerSource: shipped('trainer'), search: pythonOf(call), models: !call.is('static'),
    onProgress: (text) => live && terminal.write(`\r\u001b[K${paint.dim(`${oneLine(text)} …`)}`),
  }).finally(() => live && terminal.write('\r\u001b[K'));
  if (call.is('json')) terminal.json({ checks: checks.map(({ fix, ...one }) => ({ ...one, fix: fix ?? null })), problems });
  if (config === null) {
    if (call.is('json')) return exitCodes.badInput;
    throw new ConfigError(place.config, problems);
  }
  if (!call.is('json')) {
    for (const { text } of problems) terminal.complain(`${paint.yellow('warning:')} ${oneLine(text)}`);
    const rows = [good('Config', `${config.name}: ${config.phases.map(({ method }) => method).join(' → ')}`), ...checks];
    terminal.lines(doctorLines(rows, (sign, health) => ({ good: paint.green, warning: paint.yellow, bad: paint.red })[health](sign)));
  }
  return checks.some(({ health }) => health === 'bad') ? exitCodes.failed : exitCodes.finished;
}
