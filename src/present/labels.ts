import type { RunState } from '../contract/runState';
import { formatDuration } from './numbers';

/** Words and pictures of a state: the same in tree, panel, status bar and command line. */
export interface StateLook {
  readonly label: string;
  /** Name of a codicon. */
  readonly icon: string;
  /** Name of a theme colour, or undefined for the default. */
  readonly color: string | undefined;
}

const looks: Readonly<Record<RunState, StateLook>> = {
  queued: { label: 'queued', icon: 'clock', color: undefined },
  starting: { label: 'starting', icon: 'loading~spin', color: undefined },
  running: { label: 'running', icon: 'sync~spin', color: 'charts.blue' },
  paused: { label: 'paused', icon: 'debug-pause', color: 'charts.yellow' },
  stopping: { label: 'stopping', icon: 'loading~spin', color: 'charts.yellow' },
  stalled: { label: 'stalled', icon: 'warning', color: 'charts.yellow' },
  finished: { label: 'finished', icon: 'pass-filled', color: 'charts.green' },
  failed: { label: 'failed', icon: 'error', color: 'charts.red' },
  stopped: { label: 'stopped', icon: 'stop-circle', color: undefined },
  lost: { label: 'lost', icon: 'question', color: 'charts.red' },
  unknown: { label: 'unknown', icon: 'question', color: undefined },
};

export function stateLook(state: RunState): StateLook {
  return looks[state];
}

/** "step 120 of 900", or what the trainer does before it knows. */
export function progressText(step: number, total: number, activity: string | null | undefined): string {
  if (total > 0 && step > 0) return `step ${step} of ${total}`;
  return activity ?? 'starting';
}

export function timeLeft(eta: number | null | undefined): string | undefined {
  return eta === null || eta === undefined || !Number.isFinite(eta) ? undefined : `${formatDuration(eta)} left`;
}

/** "step 200" for a checkpoint's name; attempts after the first are named, because a step may come twice. */
export function checkpointLabel(name: string): string {
  const match = /^step-(\d+)-a(\d+)$/.exec(name);
  if (!match) return name;
  return `step ${Number(match[1])}${match[2] === '1' ? '' : ` (attempt ${match[2]})`}`;
}
