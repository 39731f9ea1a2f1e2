import type { RunState } from '../contract/runState';
import type { ControlVerb } from './control';
import { isRunId } from './layout';
import type { RunSummary } from './runs';

/** Why a run must not be deleted, in one sentence; undefined when it may be. Ask with what is read right before: a list may be old. */
export function whyNotDelete(summary: RunSummary): string | undefined {
  if (!isRunId(summary.id)) return `${summary.dir} is not the folder of a run.`;
  if (summary.active) return `${summary.name} is ${summary.state}. Stop it first.`;
  if (summary.state !== 'unknown' || summary.forsaken) return undefined;
  return summary.status === undefined ? summary.text : `${summary.name} may still be running on ${summary.status.host}. Delete it there.`;
}

/** Why a run cannot be asked for anything, in one sentence; undefined when it can. */
export function whyNoControl(summary: RunSummary): string | undefined {
  if (summary.state === 'unknown' && summary.status === undefined) return `${summary.name} cannot be asked for anything: ${summary.text}`;
  if (summary.state === 'unknown') return `${summary.name} runs on ${summary.status?.host ?? 'another machine'}: it can be controlled only there.`;
  if (!summary.active) return `${summary.name} is not running: ${summary.state}.`;
  return undefined;
}

/** The states in which a run does what it is asked for; it hears the other requests, and refuses them. */
const heard: Readonly<Record<ControlVerb, readonly RunState[]>> = {
  stop: ['queued', 'starting', 'running', 'paused', 'stopping', 'stalled'],
  kill: ['queued', 'starting', 'running', 'paused', 'stopping', 'stalled'],
  pause: ['running', 'stalled'],
  continue: ['paused', 'stalled'],
  checkpoint: ['running', 'paused', 'stalled'],
  evaluate: ['running', 'paused', 'stalled'],
};

/** Why a run would not do this now, in one sentence; undefined when it would. */
export function whyNotAsk(summary: RunSummary, verb: ControlVerb): string | undefined {
  const refusal = whyNoControl(summary);
  if (refusal !== undefined || heard[verb].includes(summary.state)) return refusal;
  return `${summary.name} is ${summary.state}.`;
}
