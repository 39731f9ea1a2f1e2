import { History } from '../telemetry/history';
import { RunDir } from './layout';
import { openPlain } from './plainFile';

/** Enough for the newest evaluation in any run, and nothing to wait for. */
const BYTES = 256 << 10;
/** Lines at the end that are taken in whatever they are. Before them steps, which are nearly all there is, are left out unread. */
const LAST_LINES = 20;

/** What the newest events of a run say: for lists of many runs, which want one number of each. */
export async function readRecent(dir: string): Promise<History> {
  const history = new History();
  const file = await openPlain(new RunDir(dir).events).catch(() => undefined);
  if (file === undefined) return history;
  try {
    const { size } = await file.stat();
    const start = Math.max(0, size - BYTES);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(size - start), 0, size - start, start);
    const lines = buffer.subarray(0, bytesRead).toString('utf8').split('\n');
    // The first line is cut off, unless the file is whole; the last has no end yet, or is empty.
    const whole = lines.slice(start > 0 ? 1 : 0, -1);
    for (const [n, line] of whole.entries()) {
      if (n >= whole.length - LAST_LINES || !line.slice(0, 200).includes('"kind":"step"')) history.appendLine(line);
    }
    return history;
  } finally {
    await file.close();
  }
}
