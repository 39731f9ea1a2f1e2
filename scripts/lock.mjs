#!/usr/bin/env node
// Re-makes the Python locks trainer/requirements.txt and trainer/requirements-dev.txt: exact versions with the hashes of
// every published file, for all platforms and Pythons from 3.11. Run it by hand to move to newer versions; setup installs.
//   node scripts/lock.mjs        needs a Python >= 3.11 with pip that reaches its package index
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { findPython, root, run, venvPython } from './steps.mjs';

const trainer = path.join(root, 'trainer');
const torch = fs.readFileSync(path.join(trainer, 'requirements-torch.txt'), 'utf8').split('\n').find((line) => line.startsWith('torch=='));

/** What the trainer imports and what its tests run with; torch itself has a file of its own. */
const wanted = {
  'requirements.txt': { packages: [torch, 'transformers==5.23.0', 'safetensors==0.8.0', 'pydantic==2.14.4'], text: 'What the trainer runs on, torch apart (requirements-torch.txt).' },
  'requirements-dev.txt': { packages: ['pytest==9.2.0', 'ruff==0.17.6'], text: 'What its tests and checks run with, beside requirements.txt.' },
};
/** Torch, the libraries of its CUDA builds, and a platform that cannot train. */
const leaveOut = (entry) => /^(torch|triton|nvidia-|cuda-)/.test(entry) || /;[^\\]*sys_platform == 'emscripten'/.test(entry);

const work = fs.mkdtempSync(path.join(os.tmpdir(), 'minillm-lock-'));
run(findPython().path, ['-m', 'venv', work]);
run(venvPython(work), ['-m', 'pip', 'install', '--quiet', 'uv']);
for (const [file, { packages, text }] of Object.entries(wanted)) {
  const input = path.join(work, `${file}.in`);
  fs.writeFileSync(input, `${packages.join('\n')}\n`);
  const { status, stdout, stderr } = spawnSync(venvPython(work), ['-m', 'uv', 'pip', 'compile', input, '--universal', '--python-version', '3.11', '--generate-hashes',
    '--no-annotate', '--no-header', '--quiet'], { encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
  // One entry is a name line and the hash lines that continue it; lines with dashes at the start would name an index.
  const entries = stdout.split(/\n(?=\S)/).map((entry) => entry.trimEnd()).filter((entry) => entry && !entry.startsWith('-') && !entry.startsWith('#') && !leaveOut(entry));
  fs.writeFileSync(path.join(trainer, file), `# ${text}\n# Made by scripts/lock.mjs; install with pip's --no-deps --require-hashes.\n${entries.join('\n')}\n`);
  console.log(`trainer/${file}: ${entries.length} packages`);
}
fs.rmSync(work, { recursive: true, force: true });
