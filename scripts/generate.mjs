#!/usr/bin/env node
// Writes what is generated from the Python models: schemas/*.json, and from those src/contract/generated.ts.
//   node scripts/generate.mjs [--check]     --check: write nothing, exit 1 when what is committed is stale
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { Complaint, entry, root, run } from './steps.mjs';
import { setup } from './setup.mjs';

/** Lets the trainer's package write its schemas into a folder. */
function writeSchemas(python, folder) {
  const { status, stderr } = spawnSync(python, ['-P', '-m', 'minillm', 'schemas', folder], { encoding: 'utf8', env: { ...process.env, PYTHONPATH: path.join(root, 'trainer') } });
  if (status !== 0) throw new Complaint(`The schemas could not be written: ${stderr}`);
}

/** Fails naming the files that differ between schemas/ and what the models say now. */
function compareSchemas(python) {
  const fresh = fs.mkdtempSync(path.join(os.tmpdir(), 'minillm-schemas-'));
  writeSchemas(python, fresh);
  const committed = path.join(root, 'schemas');
  const read = (folder, name) => (fs.existsSync(path.join(folder, name)) ? fs.readFileSync(path.join(folder, name), 'utf8') : undefined);
  const names = new Set([fresh, committed].flatMap((folder) => fs.readdirSync(folder)));
  const stale = [...names].filter((name) => read(fresh, name) !== read(committed, name));
  fs.rmSync(fresh, { recursive: true, force: true });
  if (stale.length > 0) throw new Complaint(`Stale in schemas/: ${stale.join(', ')}. Run \`npm run generate\` and commit the result.`);
}

await entry(async () => {
  const check = process.argv.includes('--check');
  const { python } = await setup({ build: false });
  if (check) compareSchemas(python);
  else writeSchemas(python, path.join(root, 'schemas'));
  run(process.execPath, ['scripts/generate-types.mjs', ...(check ? ['--check'] : [])]);
});
