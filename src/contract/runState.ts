import { formatDuration } from '../present/numbers';
import type { Exit, Status } from './generated';

export type RunState = Status['state'];

/** What is known about a run at one moment: its files, and what the machine says about its processes. */
export interface Facts {
  readonly status: Status | undefined;
  /** A status is there and cannot be used. */
  readonly unreadable: Unreadable | undefined;
  readonly exit: Exit | undefined;
  /** The status was written on this machine, and its process numbers are ours: no other container's. */
  readonly sameHost: boolean;
  /** This machine has not restarted since the status was written. */
  readonly sameBoot: boolean;
  readonly supervisorAlive: boolean;
  readonly trainerAlive: boolean;
  /** Unix time: when the run was made, by its record or its name. */
  readonly created: number;
  /** Unix time. */
  readonly now: number;
  /** The machine's monotonic clock in seconds, where it is one for all processes: it stands still while the machine sleeps. */
  readonly clock: number | undefined;
}

export interface Unreadable {
  /** Why, in one sentence. */
  readonly problem: string;
  /** Unix time: when the file was replaced last. Its supervisor does that every few seconds. */
  readonly changed: number | undefined;
}

export interface Conclusion {
  readonly state: RunState;
  /** One sentence that says why. */
  readonly text: string;
}

const ended: readonly RunState[] = ['finished', 'failed', 'stopped'];
const active: readonly RunState[] = ['queued', 'starting', 'running', 'paused', 'stopping', 'stalled'];

/** Seconds that a launcher may take between making the folder and the supervisor's first status. */
const LAUNCH_GRACE = 30;
/** Seconds that a heartbeat may be late before silence is called a stall: a busy disk is no reason for alarm. */
const HEARTBEAT_GRACE = 5;
/** Seconds of silence after which a person may say that a run which cannot be looked at from here is gone. */
const SILENT = 300;

export function isActive(state: RunState): boolean {
  return active.includes(state);
}

/** It ended in a way that is known, and nothing will change any more. */
export function hasEnded(state: RunState): boolean {
  return ended.includes(state);
}

/** A state that this version knows. */
export function isRunState(value: unknown): value is RunState {
  return [...ended, ...active, 'lost', 'unknown'].some((state) => state === value);
}

const exitStates: Readonly<Record<Exit['reason'], RunState>> = { finished: 'finished', stopped: 'stopped', failed: 'failed', 'bad input': 'failed' };

const stateText: Readonly<Record<string, string>> = {
  queued: 'Waiting for its turn.',
  starting: 'Starting.',
  running: 'Training.',
  paused: 'Paused.',
  stopping: 'Stopping.',
  finished: 'Finished.',
  failed: 'Failed.',
  stopped: 'Stopped on request.',
};

/** Seconds by which the next heartbeat is overdue: neither sleep nor a clock that was set makes a run look stalled. */
function heartbeatLate(status: Status, { now, clock }: Facts): number {
  const { heartbeat, nextHeartbeatBy, heartbeatClock } = status;
  // A status that an older version wrote has no such clock.
  if (typeof heartbeatClock === 'number' && clock !== undefined && clock >= heartbeatClock) return clock - heartbeatClock - (nextHeartbeatBy - heartbeat);
  return now - nextHeartbeatBy;
}

/** Seconds since a run that cannot be looked at from here was heard of; undefined for one that can, and where nobody knows. */
function silence({ status, unreadable, sameHost, now }: Facts): number | undefined {
  if (status !== undefined && (sameHost || hasEnded(status.state))) return undefined;
  const heard = status?.heartbeat ?? unreadable?.changed;
  return heard === undefined ? undefined : now - heard;
}

/** What goes on cannot be known, but nobody has heard of it for long: a person may say that it is gone, and resume or delete it. */
export function isForsaken(facts: Facts): boolean {
  return (silence(facts) ?? 0) > SILENT;
}

const toMinutes = (seconds: number): string => formatDuration(60 * Math.floor(seconds / 60));

/**
 * Concludes a run's state from facts alone. A flag in a file that says "running" is not one of them. The trainer's
 * run_state.py concludes alike: test/fixtures/run-states.json holds for both.
 */
export function concludeState(facts: Facts): Conclusion {
  const { status, unreadable, exit, created, now } = facts;
  const silent = toMinutes(silence(facts) ?? 0);
  if (unreadable !== undefined) {
    const rest = isForsaken(facts) ? `Nothing has been written there for ${silent}: if nobody works on the run any more, resume it to go on, or delete it.`
      : 'Whether the run is at work cannot be known.';
    return { state: 'unknown', text: `${unreadable.problem} ${rest}` };
  }
  if (status === undefined) {
    if (now - created < LAUNCH_GRACE) return { state: 'starting', text: 'The supervisor is starting.' };
    return { state: 'lost', text: 'The supervisor never wrote a status: the launch was interrupted. The log may say why.' };
  }
  if (hasEnded(status.state)) return { state: status.state, text: status.reason ?? stateText[status.state] ?? '' };
  if (!facts.sameHost) {
    const text = isForsaken(facts)
      ? `Was at work on ${status.host}, or in another container of it, and has not been heard of for ${silent}. If it is gone there, resume it to go on, or delete it.`
      : `Runs on ${status.host}, or in another container of it: its state cannot be known from here.`;
    return { state: 'unknown', text };
  }
  const gone = !facts.supervisorAlive && !facts.trainerAlive;
  if (gone && exit !== undefined && exit.attempt === status.attempt) {
    const state = exitStates[exit.reason];
    return { state, text: exit.cause === null ? (stateText[state] ?? '') : state === 'stopped' ? `Stopped: ${exit.cause}.` : exit.cause };
  }
  if (!facts.sameBoot || gone) return { state: 'lost', text: lostText(status, facts.sameBoot) };
  if (!facts.supervisorAlive) return { state: 'stalled', text: 'The supervisor is gone; the trainer goes on and keeps writing. Control works again once a supervisor adopts it.' };
  const late = heartbeatLate(status, facts);
  if (late > HEARTBEAT_GRACE) return { state: 'stalled', text: `No heartbeat for ${Math.round(late + status.nextHeartbeatBy - status.heartbeat)} s.` };
  if (typeof status.silentSince === 'number') {
    return { state: 'stalled', text: `The trainer lives but has said nothing for ${Math.round(Math.max(0, now - status.silentSince))} s.` };
  }
  return { state: status.state, text: status.reason ?? stateText[status.state] ?? '' };
}

function lostText({ state, step, total, trainer }: Status, sameBoot: boolean): string {
  const waited = trainer === null && (state === 'queued' || state === 'starting');
  const where = total > 0 ? `at step ${step} of ${total}` : 'before its first step';
  if (waited) return `${sameBoot ? 'Its supervisor ended' : 'The machine restarted'} before the trainer began. Nothing is lost: resume it to go on.`;
  const resume = 'Resume it to go on from its newest complete checkpoint, or anew where there is none.';
  if (!sameBoot) return `The machine restarted during the run, ${where}. ${resume}`;
  return `Supervisor and trainer are gone without a word, last seen ${where}. The log may say why. ${resume}`;
}
