// The checks that need no test of their own: each counts as one test of the suite `lint`.
import path from 'node:path';
import { launch } from './launch.mjs';
import { root } from './steps.mjs';

const LIMIT = 8 * 60_000;
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

/** Runs all checks, tells a line each and what the failing ones said. */
export async function runChecks(python, tell) {
  const counts = { passed: 0, failed: 0, skipped: 0 };
  for (const check of list(python)) {
    const started = performance.now();
    let output = '';
    // What runs beside it may be a window that is being looked at; this has time.
    const print = (text) => { output += text; };
    const ok = await launch(check.program ?? process.execPath, check.args, { limit: LIMIT, yields: true, print }) === 0;
    counts[ok ? 'passed' : 'failed'] += 1;
    tell(`  ${ok ? 'ok ' : 'FAILED '} ${check.name}, ${((performance.now() - started) / 1000).toFixed(1)} s\n`);
    if (!ok) tell(`${output.trimEnd().replace(/^/gm, '      ')}\n`);
  }
  return counts;
}
