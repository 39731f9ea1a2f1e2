import type { History } from '../telemetry/history';
import { EventStream } from './eventStream';
import { withNewestSteps } from './newestSteps';

/** Follows what is rare among a run's events, and its newest measures: of a long run about a hundredth of all lines. */
export function followRare(dir: string): EventStream {
  return new EventStream(dir, withNewestSteps);
}

/** All that is there of it now: whoever asks for a start, checkpoints, scores or alerts wants no more. */
export async function readRare(dir: string): Promise<History> {
  const events = followRare(dir);
  await events.read();
  return events.history;
}
