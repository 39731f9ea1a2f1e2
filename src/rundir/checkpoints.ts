import { readdir } from 'node:fs/promises';
import { isCheckpointName, RunDir } from './layout';

export interface SavedCheckpoint {
  readonly name: string;
  readonly step: number;
  readonly attempt: number;
  readonly path: string;
}

/** The checkpoints that lie in a run's folder now, by step: of those that the events tell of, some may have made room. */
export async function listCheckpoints(dir: string): Promise<SavedCheckpoint[]> {
  const at = new RunDir(dir);
  const entries = await readdir(at.checkpoints, { withFileTypes: true }).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  });
  return entries
    .filter((entry) => entry.isDirectory() && isCheckpointName(entry.name))
    .map(({ name }) => {
      const [, step, attempt] = /^step-(\d+)-a(\d+)$/.exec(name) ?? [];
      return { name, step: Number(step), attempt: Number(attempt), path: at.checkpoint(name) };
    })
    .filter(({ step }) => Number.isFinite(step))
    .sort((a, b) => a.step - b.step || a.attempt - b.attempt);
}
