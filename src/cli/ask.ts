import { adoptRun } from '../launch/adopt';
import { awaitAnswer, type ControlVerb, sendControl } from '../rundir/control';
import { findRun } from '../rundir/find';
import { whyNoControl } from '../rundir/guard';
import { readRun } from '../rundir/runs';
import { type Call, type Command, exitCodes, json, runs } from './command';
import { productEnvironments } from './python';
import { shipped } from './shipped';
import { oneLine } from './terminal';

/** Milliseconds. An evaluation of all rows on a slow machine takes its time, and so does a large checkpoint before a stop. */
export const PATIENCE = 3_600_000;

export interface Asked {
  readonly dir: string;
  /** Ids of the run and of the request. */
  readonly run: string;
  readonly request: string;
}

/**
 * Asks the run that the command line names for something. A trainer whose supervisor died gets a new one first: somebody must
 * hear. With --no-wait that is all, else `wait` says what comes of it; resolves with the exit code.
 */
export async function ask(call: Call, verb: ControlVerb, wait: (asked: Asked) => Promise<number>): Promise<number> {
  const { terminal } = call;
  const dir = await findRun(call.runsFolder, call.operand(0));
  const summary = await readRun(dir);
  const refusal = whyNoControl(summary);
  if (refusal !== undefined) {
    terminal.complain(oneLine(refusal));
    return exitCodes.badInput;
  }
  await adoptRun({ dir, trainerSource: shipped('trainer'), workspace: process.cwd(), python: { productEnvironments: productEnvironments() } });
  const asked = { dir, run: summary.id, request: await sendControl(dir, verb, 'cli') };
  if (!call.is('no-wait')) return wait(asked);
  if (call.is('json')) terminal.json({ run: asked.run, request: asked.request });
  else terminal.line(`${asked.run} was asked: ${verb}.`);
  return exitCodes.finished;
}

function request(verb: ControlVerb, summary: string): Command {
  return {
    name: verb,
    operands: ['run'],
    summary,
    notes: [
      'A run is named by its id, the beginning of one, "latest", or the path of its folder.',
      'Exit codes: 0 it was done (or, with --no-wait, asked for), 1 it was not, 2 the run is not running.',
    ],
    options: { 'no-wait': { text: 'Return once it has been asked.' }, runs, json },
    run: (call) => tell(call, verb),
  };
}

export const requests: readonly Command[] = [
  request('pause', 'Let a run finish its step, and wait.'),
  request('continue', 'Let a paused run go on.'),
  request('checkpoint', 'Write a checkpoint after the step at hand.'),
  request('evaluate', 'Write a checkpoint after the step at hand, and score it.'),
];

async function tell(call: Call, verb: ControlVerb): Promise<number> {
  const { terminal } = call;
  return ask(call, verb, async ({ dir, run, request: id }) => {
    const outcome = await awaitAnswer(dir, id, { signal: AbortSignal.timeout(PATIENCE) });
    if (call.is('json')) terminal.json({ run, request: id, outcome: outcome ?? null });
    else if (outcome?.outcome === 'done') terminal.line(`${run}: ${oneLine(outcome.text)}`);
    else terminal.complain(`${run}: ${outcome === undefined ? 'no answer.' : oneLine(outcome.text)}`);
    return outcome?.outcome === 'done' ? exitCodes.finished : exitCodes.failed;
  });
}
