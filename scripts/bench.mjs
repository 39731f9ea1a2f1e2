#!/usr/bin/env node
// Runs a benchmark of the trainer: a table with ratios from one run, and as the last line the same as JSON.
//   node scripts/bench.mjs NAME [OPTION…]      NAME: a file of trainer/bench, such as round; its options: --help
// Where .venv-bench exists its Python runs it: there the trainers lie that ours is compared with.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { setup } from './setup.mjs';
import { Complaint, entry, root, venvPython } from './steps.mjs';

const folder = path.join(root, 'trainer', 'bench');

await entry(async () => {
  const [name, ...options] = process.argv.slice(2);
  const names = fs.readdirSync(folder).filter((file) => /^(quality|round|head|decode|gpu)\.py$/.test(file)).map((file) => file.slice(0, -3));
  if (!names.includes(name)) throw new Complaint(`\`node scripts/bench.mjs NAME\`: NAME is one of ${names.join(', ')}.`);
  const { python } = await setup({ build: false });
  const peers = venvPython(path.join(root, '.venv-bench'));
  const env = { ...process.env, PYTHONPATH: path.join(root, 'trainer'), TRANSFORMERS_VERBOSITY: 'error', OMP_WAIT_POLICY: 'PASSIVE' };
  const { status, error } = spawnSync(fs.existsSync(peers) ? peers : python, ['-P', '-m', `bench.${name}`, ...options], { cwd: root, env, stdio: 'inherit' });
  if (error) throw new Complaint(`The benchmark could not start: ${error.message}`);
  return status ?? 1;
});
