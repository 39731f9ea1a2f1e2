#!/usr/bin/env node
// Installs what is missing and builds what is stale; says what it does and does nothing twice.
//   node scripts/setup.mjs [--run-only]     --run-only: without what only tests and checks need
// npm packages into node_modules, Python packages at their locked versions into .venv, the bundles into dist.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { digest, entry, findPython, npm, once, root, run, say, venvPython } from './steps.mjs';

/** True when node_modules is what package-lock.json says, by npm's own record of what it installed. */
function nodePackagesFresh() {
  const read = (...file) => {
    const full = path.join(root, ...file);
    return fs.existsSync(full) ? JSON.parse(fs.readFileSync(full, 'utf8')).packages : undefined;
  };
  const installed = read('node_modules', '.package-lock.json');
  if (!installed) return false;
  return Object.entries(read('package-lock.json')).every(([name, wanted]) => name === ''
    || (installed[name] ? installed[name].version === wanted.version : wanted.optional === true));
}

function installNodePackages() {
  if (nodePackagesFresh()) return;
  say('npm packages (about 15 s)');
  // The CPU library is inside the package; its install script would only fetch CUDA files.
  npm(['ci', '--loglevel=error'], { env: { ...process.env, ONNXRUNTIME_NODE_INSTALL: 'skip' } });
}

const venv = path.join(root, '.venv');

function makeVenv() {
  const python = venvPython(venv);
  if (fs.existsSync(python) && spawnSync(python, ['-c', 'import sys, pip; sys.exit(sys.version_info < (3, 11))']).status === 0) return;
  const { path: base, version } = findPython();
  say(`.venv with Python ${version}`);
  fs.rmSync(venv, { recursive: true, force: true });
  run(base, ['-m', 'venv', venv]);
}

/** Installs one of the requirement files when it is not what was installed last. Nothing is compiled: most of it is never imported. */
async function installPython(what, file, ...options) {
  const value = digest(`trainer/${file}`);
  await once(path.join(venv, `installed-${file}`), value, () => {
    say(`Python packages: ${what}`);
    run(venvPython(venv), ['-m', 'pip', 'install', '--disable-pip-version-check', '--no-compile', ...options, '-r', `trainer/${file}`]);
  });
}

/**
 * Compiles what a trainer imports, by importing it: seconds less at every start. Python would do so by itself at the first one,
 * but for PYTHONDONTWRITEBYTECODE, which containers like to set.
 */
async function compileImported() {
  await once(path.join(venv, 'compiled'), digest('trainer/requirements.txt', 'trainer/requirements-torch.txt'), () => {
    const { PYTHONDONTWRITEBYTECODE: _, ...env } = process.env;
    const modules = 'torch, pydantic, safetensors.torch, transformers.models.gpt2.modeling_gpt2, transformers.models.llama.modeling_llama';
    run(venvPython(venv), ['-c', `import ${modules}; from transformers import AutoModelForCausalLM, AutoTokenizer`], { env });
  });
}

async function installPythonPackages(tests) {
  // A virtual environment that is gone takes its stamps, which lie inside it, along.
  makeVenv();
  const locked = ['--quiet', '--no-deps', '--require-hashes'];
  await installPython('transformers and what it needs', 'requirements.txt', ...locked);
  await installPython('torch (200 MB for a CPU, 3 GB with CUDA)', 'requirements-torch.txt', ...(process.stderr.isTTY ? [] : ['--quiet']));
  await compileImported();
  if (tests) await installPython('pytest and ruff', 'requirements-dev.txt', ...locked);
}

async function buildIfStale() {
  const sources = digest('src', 'webview', 'esbuild.js', 'package.json', 'package-lock.json', 'tsconfig.json');
  const stamp = path.join(root, '.cache', 'built');
  if (!fs.existsSync(path.join(root, 'dist', 'cli.js'))) fs.rmSync(stamp, { force: true });
  await once(stamp, sources, () => {
    say('build');
    run(process.execPath, ['esbuild.js']);
  });
}

/**
 * Makes everything ready; returns the Python that has the trainer's packages.
 * `tests`: also what only tests and checks need. `python`, `build`: false for what can do without.
 */
export async function setup({ tests = false, python = true, build = true } = {}) {
  installNodePackages();
  if (python) await installPythonPackages(tests);
  if (build) await buildIfStale();
  return { python: venvPython(venv) };
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  await entry(async () => {
    const { python } = await setup({ tests: !process.argv.includes('--run-only') });
    say(`ready: ${path.relative(root, python)}`);
  });
}
