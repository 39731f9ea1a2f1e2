import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import { repo } from '../harness/paths';

/** Writes what a real run of a few seconds needs into a folder, from the demo; returns the path of its config. */
export function writeTinyWorkspace(folder: string, { name = 'tiny', steps = 4 }: { readonly name?: string; readonly steps?: number } = {}): string {
  const demo = (...parts: string[]): string => path.join(repo, 'demo', ...parts);
  for (const part of ['teacher', 'student', 'inspect.jsonl']) cpSync(demo(part), path.join(folder, part), { recursive: true });
  const head = (text: string, lines: number): string => `${text.split('\n').slice(0, lines).join('\n')}\n`;
  writeFileSync(path.join(folder, 'labelled.jsonl'), head(gunzipSync(readFileSync(demo('labelled.jsonl.gz'))).toString(), 200));
  writeFileSync(path.join(folder, 'valid.jsonl'), head(readFileSync(demo('valid.jsonl'), 'utf8'), 40));
  const config = {
    name,
    teacher: { model: 'teacher' },
    student: { model: 'student', init: 'random', tokenizer: 'teacher' },
    data: { train: 'labelled.jsonl', validation: 'valid.jsonl', maxPromptTokens: 16, maxNewTokens: 18 },
    phases: [{ method: 'sft', steps: 2, batchSize: 16 }, { method: 'minillm', steps, rollouts: 16, batchSize: 8 }],
    inspect: { prompts: 'inspect.jsonl', rows: 4, validationRows: 0, draws: 1 },
    evaluation: { rows: 16, finalRows: 16, sharpeningControl: false },
    checkpoints: { every: 2 },
    device: 'cpu',
    threads: 1,
  };
  const file = path.join(folder, `${name}.minillm.jsonc`);
  writeFileSync(file, `${JSON.stringify(config, null, 2)}\n`);
  return file;
}
