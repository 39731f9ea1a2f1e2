import * as vscode from 'vscode';
import { awaitAnswer, type ControlVerb, sendControl } from '../../rundir/control';
import { whyNotAsk } from '../../rundir/guard';
import { readRun } from '../../rundir/runs';
import type { EditorContext } from '../context';
import { confirm, showInfo, showWarning, whileShown } from '../notify';
import type { RunRegistry } from './registry';
import type { Supervision } from './supervision';
import { pickRun, targetOf } from './target';

interface Way {
  readonly command: string;
  /** What goes on while the outcome is waited for: "Stopping pronounce". */
  readonly doing: string;
  readonly question: string;
  /** Where no run can be asked for it. */
  readonly none: string;
}

const ways: Readonly<Record<ControlVerb, Way>> = {
  stop: { command: 'minillm.stop', doing: 'Stopping', question: 'Run to stop', none: 'No run is active.' },
  kill: { command: 'minillm.stopNow', doing: 'Ending', question: 'Run to end at once', none: 'No run is active.' },
  pause: { command: 'minillm.pause', doing: 'Pausing', question: 'Run to pause', none: 'No run is running.' },
  continue: { command: 'minillm.continue', doing: 'Continuing', question: 'Run to continue', none: 'No run is paused.' },
  checkpoint: { command: 'minillm.saveCheckpoint', doing: 'Saving a checkpoint of', question: 'Run to save a checkpoint of', none: 'No run is running.' },
  evaluate: { command: 'minillm.evaluate', doing: 'Evaluating', question: 'Run to evaluate', none: 'No run is running.' },
};

/** Milliseconds that the outcome of a finished request stays in the status bar. */
const SHOWN = 8000;

/** Commands that ask a running run for something, and tell what came of it. */
export function registerRunControl(context: EditorContext, runs: RunRegistry, supervision: Supervision): void {
  for (const [verb, way] of Object.entries(ways) as [ControlVerb, Way][]) {
    context.command(way.command, async (given) => {
      const able = runs.activeRuns.filter(({ summary }) => whyNotAsk(summary, verb) === undefined);
      const target = targetOf(given) ?? (await pickRun(able, way.question, way.none));
      if (target) await ask(target.dir, verb, way, supervision);
      await runs.refresh();
    });
  }
}

async function ask(dir: string, verb: ControlVerb, way: Way, supervision: Supervision): Promise<void> {
  const summary = await readRun(dir);
  const { name } = summary;
  const refusal = whyNotAsk(summary, verb);
  if (refusal !== undefined) {
    void showInfo(summary.active ? refusal : `${name} is not running: ${summary.text}`);
    return;
  }
  if (verb === 'kill' && !(await confirmEnd(name))) return;
  await supervision.ensure(dir);
  const { answer: outcome, waited } = await whileShown(`${way.doing} ${name}`, async (signal) => {
    const answer = await awaitAnswer(dir, await sendControl(dir, verb, 'palette'), { signal });
    return { answer, waited: !signal.aborted };
  });
  if (outcome?.outcome === 'done') vscode.window.setStatusBarMessage(`$(check) ${withoutIcons(`${name}: ${outcome.text}`)}`, SHOWN);
  else if (outcome) void showWarning(`${name}: ${verb} ${outcome.outcome}. ${outcome.text}`);
  else if (!waited) vscode.window.setStatusBarMessage(withoutIcons(`${name} was asked: ${verb}. It answers when it can.`), SHOWN);
  else void showWarning(`${name} ended before it answered: ${(await readRun(dir)).text}`);
}

/** The editor draws an icon where "$(" stands. */
const withoutIcons = (text: string): string => text.replaceAll('$(', '$ (');

/** Asks before a run is ended without a checkpoint. */
export function confirmEnd(name: string): Promise<boolean> {
  const detail = 'The trainer gets no chance to save a checkpoint. What it did since the last one is lost.';
  return confirm(`Stop ${name} at once?`, detail, 'Stop Now');
}
