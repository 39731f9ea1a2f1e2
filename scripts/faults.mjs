#!/usr/bin/env node
// Does to real runs what a run must survive, and prints a table: fault, outcome. The last line is JSON.
//   node scripts/faults.mjs [NAME…]      only the faults whose names contain one of the texts
import path from 'node:path';
import { setup } from './setup.mjs';
import { entry, root, run } from './steps.mjs';

await entry(async () => {
  const { python } = await setup({ tests: true });
  run(process.execPath, ['esbuild.js']);
  const trainer = path.join(root, 'trainer');
  const env = { ...process.env, PYTHONPATH: [trainer, path.join(trainer, 'tests')].join(path.delimiter), MINILLM_CLI: path.join(root, 'dist', 'cli.js'), TRANSFORMERS_VERBOSITY: 'error' };
  run(python, ['-P', '-m', 'faults', ...process.argv.slice(2)], { env, stdio: ['ignore', 'inherit', 'inherit'] });
});
