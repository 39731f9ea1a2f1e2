import path from 'node:path';
import { ConfigError } from '../launch/errors';
import { preflight as check } from '../launch/preflight';
import { doctorLines, good } from '../present/doctor';
import { type Call, type Command, exitCodes, json } from './command';
import { pythonOf } from './python';
import { shipped } from './shipped';

export const preflight: Command = {
  name: 'preflight',
  operands: ['config'],
  summary: 'Check a config, its files, Python and the disk, without starting anything.',
  notes: [
    'Nothing is loaded: what depends on the models is checked as a run starts.',
    'Exit codes: 0 a run can start, 1 it cannot, 2 the config is wrong.',
  ],
  options: { python: { value: 'path', text: 'Interpreter to look at. Default: the one that "run" would take.' }, json },
  run: preflightCommand,
};

async function preflightCommand(call: Call): Promise<number> {
  const { terminal } = call;
  const { paint } = terminal;
  const file = path.resolve(call.operand(0));
  const { checks, config, problems } = await check({
    config: file, workspace: process.cwd(), env: process.env, trainerSource: shipped('trainer'),
    search: pythonOf(call),
  });
  if (call.is('json')) terminal.json({ checks: checks.map(({ fix, ...one }) => ({ ...one, fix: fix ?? null })), problems });
  if (config === null) {
    if (call.is('json')) return exitCodes.badInput;
    throw new ConfigError(file, problems);
  }
  if (!call.is('json')) {
    for (const { text } of problems) terminal.complain(`${paint.yellow('warning:')} ${text}`);
    const rows = [good('Config', `${config.name}: ${config.phases.map(({ method }) => method).join(' → ')}`), ...checks];
    terminal.lines(doctorLines(rows, (sign, health) => ({ good: paint.green, warning: paint.yellow, bad: paint.red })[health](sign)));
  }
  return checks.some(({ health }) => health === 'bad') ? exitCodes.failed : exitCodes.finished;
}
