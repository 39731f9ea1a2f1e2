// The checks that need no test of their own: each counts as one test of the suite `lint`.
import { spawn } from 'node:child_process';
import os from 'node:os';
import path from 'node:path';
import { root } from './steps.mjs';

const bin = (...parts) => path.join(root, 'node_modules', ...parts);
const types = (name, project) => ({ name, args: [bin('typescript', 'bin', 'tsc'), '-p', project] });

function list(python) {
  return [
    { name: 'eslint, with the walls between rooms', args: [bin('eslint', 'bin', 'eslint.js'), '--max-warnings', '0'] },
    types('types of src', 'tsconfig.json'),
    types('types of webview', 'tsconfig.webview.json'),
    types('types of tests', 'tsconfig.test.json'),
    { name: 'ruff on the trainer', program: python, args: ['-m', 'ruff', 'check', 'trainer'] },
    { name: 'ruff: how the trainer is laid out', program: python, args: ['-m', 'ruff', 'format', '--check', 'trainer'] },
    { name: 'ruff on the demo', program: python, args: ['-m', 'ruff', 'check', '--config', 'trainer/pyproject.toml', 'demo'] },
    { name: 'schemas and generated types are fresh', args: ['scripts/generate.mjs', '--check'] },
  ];
}

function runCheck({ program = process.execPath, args }) {
  return new Promise((resolve) => {
    const child = spawn(program, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
    // What runs beside it may be a window that is being looked at; this has time.
    if (child.pid !== undefined) os.setPriority(child.pid, os.constants.priority.PRIORITY_LOW);
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => { output += chunk; });
    child.once('error', (error) => resolve({ ok: false, output: error.message }));
    child.once('close', (code) => resolve({ ok: code === 0, output }));
  });
}

/** Runs all checks, prints a line each and what the failing ones said. */
export async function runChecks(python, print) {
  const counts = { passed: 0, failed: 0, skipped: 0 };
  for (const check of list(python)) {
    const started = performance.now();
    const { ok, output } = await runCheck(check);
    counts[ok ? 'passed' : 'failed'] += 1;
    print(`  ${ok ? 'ok ' : 'FAILED '} ${check.name}, ${((performance.now() - started) / 1000).toFixed(1)} s\n`);
    if (!ok) print(`${output.trimEnd().replace(/^/gm, '      ')}\n`);
  }
  return counts;
}
