import type { Status } from '../contract/generated';
import type { RunState } from '../contract/runState';
import { formatDuration } from './numbers';

interface Told {
  readonly state: RunState;
  readonly text: string;
  readonly status: Pick<Status, 'stopDeadline' | 'restartAt'> | undefined;
}

/** Seconds that are left until a moment of Unix time; undefined when it is past, or never comes. */
function secondsTo(moment: unknown, now: number): number | undefined {
  return typeof moment === 'number' && Number.isFinite(moment) && moment > now ? Math.ceil(moment - now) : undefined;
}

/** What is counted down: the next attempt after a crash, the next harsher step of a stop. */
export function countdown({ state, status }: Omit<Told, 'text'>, now: number): string | undefined {
  const stop = secondsTo(status?.stopDeadline, now);
  if (state === 'stopping' && stop !== undefined) return `harsher means in ${formatDuration(stop)}`;
  const restart = secondsTo(status?.restartAt, now);
  return restart === undefined || (state !== 'starting' && state !== 'queued') ? undefined : `next attempt in ${formatDuration(restart)}`;
}

/** Why a run is in its state, with what is counted down. */
export function stateSentence(told: Told, now: number): string {
  const count = countdown(told, now);
  return count === undefined ? told.text : `${told.text} ${count.charAt(0).toUpperCase()}${count.slice(1)}.`;
}

/** "pronounce" for the id of its run: names that other runs are known by. */
export function nameOfRun(id: string): string {
  return id.replace(/^\d{8}-\d{6}-/, '');
}
