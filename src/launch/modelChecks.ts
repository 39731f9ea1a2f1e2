import type { Preflight } from '../contract/generated';
import { parseRecord } from '../contract/parse';
import { LaunchError } from './errors';
import { configArguments, type ConfigPlace } from './resolve';
import { type Env, lastCause, runPython, trainerEnvironment } from './trainerProcess';

export interface ModelCheckOptions extends ConfigPlace {
  readonly python: string;
  /** The folder of installTrainer. */
  readonly trainerDir: string;
  readonly env: Env;
  readonly signal?: AbortSignal | undefined;
  /** What is being done, in words. */
  readonly onProgress?: ((text: string) => void) | undefined;
}

/** As long as a download takes. */
const UNLIMITED = 0;

/**
 * Asks the trainer to load what a config names and to look at it as a run does at its start. Trains and writes nothing.
 * Rejects with LaunchError when it cannot answer, also when it was aborted.
 */
export async function checkModels(options: ModelCheckOptions): Promise<Preflight> {
  const { python, trainerDir, env, signal, onProgress } = options;
  const args = configArguments('preflight', options);
  const answer = await runPython(python, args, trainerEnvironment(trainerDir, env), UNLIMITED, signal, (text) => {
    const said = text.trimEnd().split('\n').map(parseRecord).findLast((one) => one.ok && typeof one.value['what'] === 'string');
    if (said?.ok === true) onProgress?.(String(said.value['what']));
  });
  const parsed = parseRecord(answer.stdout);
  const found = parsed.ok ? parsed.value : {};
  if (Array.isArray(found['problems']) && Array.isArray(found['checks'])) return found as unknown as Preflight;
  const died = answer.code === undefined ? 'the process was killed, perhaps for want of memory' : undefined;
  const cause = signal?.aborted === true ? 'it was cancelled' : (answer.failure ?? died ?? lastCause(answer.stderr) ?? 'no answer');
  throw new LaunchError('check failed', `The models could not be looked at (${cause}).`, 'Check the config without them, or look at the log.', answer.stderr);
}
