import path from 'node:path';
import { repo } from '../../harness/paths';

/** A config that trains to its end in a few seconds on one core, with the demo's models and a few rows; `changes` replaces keys. */
export function tinyConfig(changes: Readonly<Record<string, unknown>>): string {
  const demo = (name: string): string => path.join(repo, 'demo', name);
  return JSON.stringify({
    name: 'tiny',
    teacher: { model: demo('teacher') },
    student: { model: demo('student'), init: 'random', tokenizer: 'teacher' },
    data: { train: demo('labelled.jsonl.gz'), validation: demo('valid.jsonl'), maxPromptTokens: 16, maxNewTokens: 12 },
    phases: [
      { method: 'sft', rows: 64, steps: 4, batchSize: 8 },
      { method: 'minillm', prompts: demo('labelled.jsonl.gz'), rows: 64, steps: 4, rollouts: 16, batchSize: 8 },
    ],
    inspect: { prompts: demo('inspect.jsonl'), rows: 4, validationRows: 0, draws: 1 },
    evaluation: { rows: 8, finalRows: 8 },
    checkpoints: { every: 4 },
    threads: 1,
    seed: 10,
    ...changes,
  }, null, 1);
}
