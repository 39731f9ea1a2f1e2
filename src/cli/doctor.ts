import { doctorLines, judge } from '../present/doctor';
import { examine } from '../launch/doctor';
import { type Call, type Command, exitCodes, json, runs } from './command';
import { pythonOf } from './python';
import { shipped } from './shipped';

export const doctor: Command = {
  name: 'doctor',
  operands: [],
  summary: 'Look for what would keep a run from working here, and say what mends it.',
  notes: ['Exit codes: 0 a run can start, 1 it cannot.'],
  options: { python: { value: 'path', text: 'Interpreter to look at. Default: the one that "run" would take.' }, runs, json },
  run: doctorCommand,
};

async function doctorCommand(call: Call): Promise<number> {
  const { terminal } = call;
  const { paint } = terminal;
  const facts = await examine({
    search: { ...pythonOf(call), workspace: process.cwd(), env: process.env },
    runsFolder: call.runsFolder,
    trainerSource: shipped('trainer'),
  });
  const checks = judge(facts);
  if (call.is('json')) terminal.json({ checks: checks.map(({ fix, ...check }) => ({ ...check, fix: fix ?? null })) });
  else terminal.lines(doctorLines(checks, (sign, health) => ({ good: paint.green, warning: paint.yellow, bad: paint.red })[health](sign)));
  return checks.some(({ health }) => health === 'bad') ? exitCodes.failed : exitCodes.finished;
}
