import { History } from '../telemetry/history';
import { RunDir } from './layout';
import { withNewestSteps } from './newestSteps';
import { readEnd } from './plainFile';

/** Enough for the newest evaluation in any run, and nothing to wait for. */
const BYTES = 256 << 10;

/** What the newest events of a run say: for lists of many runs, which want one number of each. */
export async function readRecent(dir: string): Promise<History> {
  const history = new History();
  const end = await readEnd(new RunDir(dir).events, BYTES).catch(() => undefined);
  if (end === undefined) return history;
  // The first line is cut off, unless the file is whole; the last has no end yet, or is empty.
  const lines = end.text.split('\n').slice(end.whole ? 0 : 1, -1);
  for (const line of withNewestSteps(lines)) history.appendLine(line);
  return history;
}
