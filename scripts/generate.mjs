#!/usr/bin/env node
// Writes what is generated from the Python models: schemas/*.json (in editor/ the config's without its verdicts), and
// from those src/contract/generated.ts.
//   node scripts/generate.mjs [--check]     --check: write nothing, exit 1 when what is committed is stale
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { loosen } from './loosen.mjs';
import { Complaint, entry, root, run } from './steps.mjs';
import { setup } from './setup.mjs';

/** Lets the trainer's package write its schemas into a folder. */
function writeSchemas(python, folder) {
  const { status, stderr } = spawnSync(python, ['-P', '-m', 'minillm', 'schemas', folder], { encoding: 'utf8', env: { ...process.env, PYTHONPATH: path.join(root, 'trainer') } });
  if (status !== 0) throw new Complaint(`The schemas could not be written: ${stderr}`);
  const config = JSON.parse(fs.readFileSync(path.join(folder, 'config.schema.json'), 'utf8'));
  fs.mkdirSync(path.join(folder, 'editor'), { recursive: true });
  fs.writeFileSync(path.join(folder, 'editor', 'config.schema.json'), `${JSON.stringify(loosen(config), null, 1)}\n`);
}

/** Fails naming the files that differ between schemas/ and what the models say now. */
function compareSchemas(python) {
  const fresh = fs.mkdtempSync(path.join(os.tmpdir(), 'minillm-schemas-'));
  writeSchemas(python, fresh);
  const committed = path.join(root, 'schemas');
  const read = (folder, name) => (fs.existsSync(path.join(folder, name)) ? fs.readFileSync(path.join(folder, name), 'utf8') : undefined);
  const files = (folder) => fs.readdirSync(folder, { recursive: true }).filter((name) => name.endsWith('.json'));
  const names = new Set([fresh, committed].flatMap(files));
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
