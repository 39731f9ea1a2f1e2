import { resumeRun } from '../launch/resume';
import { findRun } from '../rundir/find';
import { type Call, type Command, runs } from './command';
import { pythonOf } from './python';
import { watch } from './run';
import { shipped } from './shipped';

export const resume: Command = {
  name: 'resume',
  operands: ['run'],
  summary: 'Go on with a run that ended before its end, from its last checkpoint.',
  notes: [
    'A run is named by its id, the beginning of one, "latest", or the path of its folder.',
    'On the same machine, device and versions it goes on bit for bit, as if it had never stopped.',
    'Exit codes: those of "run"; 2 when it cannot be resumed.',
  ],
  options: {
    'allow-changed-data': { text: 'Go on although data or models that it reads have changed since its launch.' },
    detach: { short: 'd', text: 'Start it and return.' },
    python: { value: 'path', text: 'Interpreter to train with. Default: the one that it was launched with.' },
    runs,
    json: { text: 'Print JSON lines: every event, the result.' },
  },
  run: resumeCommand,
};

async function resumeCommand(call: Call): Promise<number> {
  const dir = await findRun(call.runsFolder, call.operand(0));
  const resumed = await resumeRun({
    dir, trainerSource: shipped('trainer'), workspace: process.cwd(), python: pythonOf(call),
    allowChangedData: call.is('allow-changed-data'),
  });
  return watch(call, { id: resumed.id, dir, detached: [`${call.terminal.paint.bold(resumed.id)} goes on, in ${dir}`] });
}
