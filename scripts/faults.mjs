#!/usr/bin/env node
// Does to real runs, and to a real editor, what runs must survive, and prints a table: fault, outcome. The last line is JSON.
//   node scripts/faults.mjs [NAME…]      only the faults whose names contain one of the texts
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { ensureChromium } from './chromium.mjs';
import { ensureServer } from './editor.mjs';
import { setup } from './setup.mjs';
import { entry, root, run } from './steps.mjs';

const counts = { faults: 0, survived: 0, lost: 0, doubled: 0 };

/** Runs one part and prints its lines; the last, its counts, is added to those of the whole. Resolves whether all was survived. */
function part(program, args, env) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd: root, env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'inherit'] });
    let counted = false;
    createInterface({ input: child.stdout }).on('line', (line) => {
      counted = line.startsWith('{"faults"');
      if (!counted) console.log(line);
      else for (const [name, count] of Object.entries(JSON.parse(line))) counts[name] += count;
    });
    child.once('error', reject);
    child.once('close', (code) => resolve(counted && code === 0));
  });
}

/** What an editor needs of this repository, built into a folder: who edits or builds here meanwhile changes nothing under the runs. */
function makeExtension(folder) {
  run(process.execPath, ['esbuild.js', `--out=${path.join(folder, 'dist')}`]);
  for (const part of ['media', 'schemas', 'syntaxes', 'trainer/minillm', 'package.json', 'package.nls.json']) {
    fs.cpSync(path.join(root, part), path.join(folder, part), { recursive: true, filter: (file) => !file.endsWith('__pycache__') });
  }
  return folder;
}

await entry(async () => {
  const { python } = await setup({ tests: true });
  process.env.CHROMIUM = ensureChromium();
  ensureServer();
  run(process.execPath, ['esbuild.js', 'tests']);
  const extension = makeExtension(path.join(fs.mkdtempSync(path.join(os.tmpdir(), 'minillm-extension-')), 'minillm'));
  try {
    const names = process.argv.slice(2);
    const packages = [path.join(extension, 'trainer'), path.join(root, 'trainer', 'tests')].join(path.delimiter);
    const env = { PYTHONPATH: packages, MINILLM_CLI: path.join(extension, 'dist', 'cli.js'), TRANSFORMERS_VERBOSITY: 'error' };
    const runs = await part(python, ['-P', '-m', 'faults', ...names], env);
    const editor = await part(process.execPath, ['--enable-source-maps', 'out/test/faults/editor.js', ...names], {
      MINILLM_REPO: root, MINILLM_PYTHON: python, MINILLM_EXTENSION: extension,
    });
    console.log(JSON.stringify(counts));
    return runs && editor ? 0 : 1;
  } finally {
    fs.rmSync(path.dirname(extension), { recursive: true, force: true });
  }
});
