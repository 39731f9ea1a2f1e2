import type { Exit, Status } from './generated';

export type RunState = Status['state'];

/** What is known about a run at one moment: its files, and what the machine says about its processes. */
export interface Facts {
  readonly status: Status | undefined;
  readonly exit: Exit | undefined;
  /** The status was written on this machine. */
  readonly sameHost: boolean;
  /** This machine has not restarted since the status was written. */
  readonly sameBoot: boolean;
  readonly supervisorAlive: boolean;
  readonly trainerAlive: boolean;
  /** Unix time: when the run was made, by its record or its name. */
  readonly created: number;
  /** Unix time. */
  readonly now: number;
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

/** Concludes a run's state from facts alone. A flag in a file that says "running" is not one of them. */
export function concludeState(facts: Facts): Conclusion {
  const { status, exit, created, now } = facts;
  if (status === undefined) {
    if (now - created < LAUNCH_GRACE) return { state: 'starting', text: 'The supervisor is starting.' };
    return { state: 'lost', text: 'The supervisor never wrote a status: the launch was interrupted. The log may say why.' };
  }
  if (hasEnded(status.state)) return { state: status.state, text: status.reason ?? stateText[status.state] ?? '' };
  if (!facts.sameHost) return { state: 'unknown', text: `Runs on ${status.host}: its state cannot be known from here.` };
  if (exit !== undefined && exit.attempt === status.attempt && !facts.trainerAlive && !facts.supervisorAlive) {
    return { state: exitStates[exit.reason], text: exit.cause ?? stateText[exitStates[exit.reason]] ?? '' };
  }
  if (!facts.sameBoot) return { state: 'lost', text: `The machine restarted during the run, at step ${status.step} of ${status.total}. Its checkpoints are complete.` };
  if (!facts.supervisorAlive && !facts.trainerAlive) {
    return { state: 'lost', text: `Supervisor and trainer are gone without a word, last seen at step ${status.step} of ${status.total}. The log may say why.` };
  }
  if (!facts.supervisorAlive) return { state: 'stalled', text: 'The supervisor is gone; the trainer goes on and keeps writing. Control works again once a supervisor adopts it.' };
  const late = now - status.nextHeartbeatBy;
  if (late > HEARTBEAT_GRACE) return { state: 'stalled', text: `No heartbeat for ${Math.round(now - status.heartbeat)} s.` };
  return { state: status.state, text: status.reason ?? stateText[status.state] ?? '' };
}
