import { setTimeout as sleep } from 'node:timers/promises';
import { stateLook } from '../present/labels';
import { awaitAnswer } from '../rundir/control';
import { readRun } from '../rundir/runs';
import { ask, PATIENCE } from './ask';
import { type Call, type Command, exitCodes, json, runs } from './command';
import { oneLine } from './terminal';

export const stop: Command = {
  name: 'stop',
  operands: ['run'],
  summary: 'Ask a run to finish its step, keep a checkpoint and end.',
  notes: [
    'A run is named by its id, the beginning of one, "latest", or the path of its folder.',
    'Exit codes: 0 it has stopped (or, with --no-wait, was asked to), 1 it has not, 2 it was not running.',
  ],
  options: {
    now: { text: 'End it at once, without a checkpoint.' },
    'no-wait': { text: 'Return once it has been asked.' },
    runs,
    json,
  },
  run: stopCommand,
};

async function stopCommand(call: Call): Promise<number> {
  const { terminal } = call;
  return ask(call, call.is('now') ? 'kill' : 'stop', async ({ dir, run, request }) => {
    const deadline = Date.now() + PATIENCE;
    const outcome = await awaitAnswer(dir, request, { signal: AbortSignal.timeout(PATIENCE) });
    let after = await readRun(dir);
    while (after.active && outcome?.outcome === 'done' && Date.now() < deadline) {
      await sleep(200);
      after = await readRun(dir);
    }
    if (call.is('json')) terminal.json({ run, request, outcome: outcome ?? null, state: after.state, text: after.text });
    else if (outcome === undefined) terminal.complain(`${run} has not answered within ${PATIENCE / 1000} s: ${after.state}. ${oneLine(after.text)}`);
    else terminal.line(`${run}: ${stateLook(after.state).label}. ${oneLine(outcome.outcome === 'done' ? after.text : outcome.text)}`);
    return after.active ? exitCodes.failed : exitCodes.finished;
  });
}
