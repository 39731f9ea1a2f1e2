import type { Sample } from '../contract/generated';
import { parseRecord } from '../contract/parse';
import { isSampleRecord } from '../contract/shape';
import { isCheckpointName, RunDir } from './layout';
import { namesIn } from './ownFolder';
import { readPlain } from './plainFile';

/** Bytes of a file of samples: a thousand long responses are a few megabytes. */
const LARGEST = 256 << 20;

/** Samples of one checkpoint, or of the teacher. Lines that cannot be read are left out. Rejects when there is no such file. */
export async function readSamples(dir: string, checkpoint: string): Promise<Sample[]> {
  if (!isCheckpointName(checkpoint)) throw new Error(`"${checkpoint}" is not the name of a checkpoint; names look like step-00000200-a1.`);
  const text = await readPlain(new RunDir(dir).samplesOf(checkpoint), LARGEST);
  const out: Sample[] = [];
  for (const line of text.split('\n')) {
    const parsed = parseRecord(line);
    if (parsed.ok && isSampleRecord(parsed.value)) out.push(parsed.value as unknown as Sample);
  }
  return out;
}

/** Names of the checkpoints that have samples, by step; the teacher, when it has some, comes last. */
export async function sampledCheckpoints(dir: string): Promise<string[]> {
  return (await namesIn(new RunDir(dir).samples, 'files'))
    .filter((name) => name.endsWith('.jsonl') && !name.endsWith('.tokens.jsonl'))
    .map((name) => name.slice(0, -'.jsonl'.length))
    .filter(isCheckpointName)
    .sort(); // "step-…" sorts by step, and before "teacher"
}
