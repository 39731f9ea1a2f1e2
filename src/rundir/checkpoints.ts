import { isCheckpointName, RunDir } from './layout';
import { namesIn } from './ownFolder';

export interface SavedCheckpoint {
  readonly name: string;
  readonly step: number;
  readonly attempt: number;
  readonly path: string;
}

/** The checkpoints that lie in a run's folder now, by step: of those that the events tell of, some may have made room. */
export async function listCheckpoints(dir: string): Promise<SavedCheckpoint[]> {
  const at = new RunDir(dir);
  return (await namesIn(at.checkpoints, 'folders'))
    .filter(isCheckpointName)
    .map((name) => {
      const [, step, attempt] = /^step-(\d+)-a(\d+)$/.exec(name) ?? [];
      return { name, step: Number(step), attempt: Number(attempt), path: at.checkpoint(name) };
    })
    .filter(({ step }) => Number.isFinite(step))
    .sort((a, b) => a.step - b.step || a.attempt - b.attempt);
}
