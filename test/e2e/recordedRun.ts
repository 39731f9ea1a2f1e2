// A workspace around the recorded run that has token detail: the demo's prompts, its config, and the run.
import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { repo, temporaryFolder } from '../harness/paths';

export const RECORDED = '20261124-232620-pronounce';

export function recordedWorkspace(): { readonly folder: string; readonly dir: string } {
  const folder = temporaryFolder('samples');
  const dir = path.join(folder, 'runs', RECORDED);
  mkdirSync(path.dirname(dir), { recursive: true });
  cpSync(path.join(repo, 'test', 'fixtures', 'runs', RECORDED), dir, { recursive: true });
  cpSync(path.join(repo, 'demo', 'inspect.jsonl'), path.join(folder, 'inspect.jsonl'));
  writeFileSync(path.join(folder, 'README.md'), 'A recorded run and its prompts.\n');
  return { folder, dir };
}
