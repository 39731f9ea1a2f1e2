#!/usr/bin/env node
// Runs the tests, after installing what is missing. The last line is `N passed, N failed`; exit code 0 or 1.
//   node scripts/test.mjs [SUITE…] [--all] [--grep TEXT]
// Suites: unit host lint python e2e, and faults with --all alone, which runs the long tests too (pytest mark `long`, mocha titles
// with @long).
// --grep: only tests whose title contains the text (pytest: -k). Reports and pictures lie in test-results/.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { runChecks } from './checks.mjs';
import { ensureChromium } from './chromium.mjs';
import { ensureServer } from './editor.mjs';
import { launch } from './launch.mjs';
import { setup } from './setup.mjs';
import { Complaint, entry, root, run, say, stamped } from './steps.mjs';

const results = path.join(root, 'test-results');
const minutes = 60_000;

/** What a suite's own report counted. No report, no test, or a bad exit that the counts do not explain is a failure too. */
function judge(code, counts, print) {
  const { passed = 0, failed = 0, skipped = 0 } = counts ?? {};
  if (counts === undefined) print(`  FAILED  it ended without a report (exit code ${code})\n`);
  else if (passed + failed === 0) print('  FAILED  it ran no test\n');
  else if (code !== 0 && failed === 0) print(`  FAILED  exit code ${code} though no test failed\n`);
  else return { passed, failed, skipped };
  return { passed, failed: failed + 1, skipped };
}

function mochaReport(file) {
  return fs.existsSync(file) ? JSON.parse(fs.readFileSync(file, 'utf8')) : undefined;
}

/** Counts of a JUnit report, from the attributes of its suites. */
function junitReport(file) {
  if (!fs.existsSync(file)) return undefined;
  const total = { tests: 0, failures: 0, errors: 0, skipped: 0 };
  for (const [, attributes] of fs.readFileSync(file, 'utf8').matchAll(/<testsuite\s([^>]*)>/g)) {
    for (const name of Object.keys(total)) total[name] += Number(new RegExp(`\\b${name}="(\\d+)"`).exec(attributes)?.[1] ?? 0);
  }
  const failed = total.failures + total.errors;
  return { passed: total.tests - failed - total.skipped, failed, skipped: total.skipped };
}

/** A suite that mocha runs; `program` is what comes after `node`. */
async function runMocha(name, program, limit, { all, grep, python, print }) {
  const report = path.join(results, `${name}.json`);
  const filter = grep ? { MINILLM_GREP: grep } : all ? {} : { MINILLM_GREP: '@long', MINILLM_INVERT: '1' };
  const env = { MINILLM_REPO: root, MINILLM_PYTHON: python, MINILLM_COUNTS: report, MINILLM_LONG: all ? '1' : '', ...filter };
  const code = await launch(process.execPath, program(filter), { env, limit, print });
  return judge(code, mochaReport(report), print);
}

const mocha = (files, timeout) => ({ MINILLM_GREP: grep, MINILLM_INVERT: invert }) => [
  '--enable-source-maps', path.join(root, 'node_modules', 'mocha', 'bin', 'mocha.js'), '--no-config', '--no-package', '--reporter', 'out/test/harness/reporter.js',
  '--timeout', String(timeout), ...(grep ? ['--fgrep', grep] : []), ...(invert ? ['--invert'] : []), files];

const suites = {
  lint: { about: 'types, rules, generated files', run: ({ python, print }) => runChecks(python, print) },
  unit: { about: 'the rooms of src/, in plain Node', mocha: true, run: (options) => runMocha('unit', mocha('out/test/unit/**/*.test.js', 30_000), 12 * minutes, options) },
  python: {
    about: 'the trainer',
    run: async ({ python, all, grep, print }) => {
      const report = path.join(results, 'python.xml');
      const code = await launch(python, ['-m', 'pytest', '-q', '-rs', '--no-header', `--junitxml=${report}`, ...(all ? [] : ['-m', 'not long']), ...(grep ? ['-k', grep] : [])],
        { cwd: path.join(root, 'trainer'), limit: (all ? 60 : 15) * minutes, yields: true, print });
      return judge(code, junitReport(report), print);
    },
  },
  host: { about: 'inside a real extension host', mocha: true, editor: true, run: (options) => runMocha('host', () => ['out/test/harness/hostRun.js'], 10 * minutes, options) },
  e2e: { about: 'a real workbench in a browser', mocha: true, editor: true, run: (options) => runMocha('e2e', mocha('out/test/e2e.js', 120_000), (options.all ? 30 : 15) * minutes, options) },
  faults: {
    about: 'what a run must survive', long: true, editor: true,
    run: async ({ print }) => {
      let counts;
      const code = await launch(process.execPath, ['scripts/faults.mjs'], {
        limit: 60 * minutes,
        print: (text) => {
          print(text);
          counts = /^\{"faults".*\}$/m.exec(text)?.[0] ?? counts;
        },
      });
      const { faults, survived } = counts === undefined ? {} : JSON.parse(counts);
      return judge(code, counts === undefined ? undefined : { passed: survived, failed: faults - survived }, print);
    },
  },
};

/**
 * What runs after what; the rows of a stage run side by side. A workbench in a browser wants two cores, but not at every moment: what it
 * leaves is for suites that yield.
 */
const stages = [[['host', 'e2e'], ['lint', 'unit', 'python']], [['faults']]];

// What was launched ends with this.
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(130));

await entry(async () => {
  const { values, positionals } = parseArgs({ allowPositionals: true, options: { all: { type: 'boolean' }, grep: { type: 'string' } } });
  const unknown = positionals.find((name) => !(name in suites));
  if (unknown) throw new Complaint(`There is no suite "${unknown}": choose from ${Object.keys(suites).join(', ')}.`);
  const wanted = positionals.length > 0 ? ([name]) => positionals.includes(name) : ([, { long }]) => values.all || !long;
  const chosen = Object.entries(suites).filter(wanted);

  const { python } = await setup({ tests: true });
  if (chosen.some(([, suite]) => suite.editor)) {
    process.env.CHROMIUM = ensureChromium();
    ensureServer();
  }
  if (chosen.some(([, suite]) => suite.mocha)) run(process.execPath, ['esbuild.js', 'tests']);
  if (positionals.length === 0) fs.rmSync(results, { recursive: true, force: true });
  for (const [name] of chosen) for (const report of [`${name}.json`, `${name}.xml`]) fs.rmSync(path.join(results, report), { force: true });
  fs.mkdirSync(results, { recursive: true });
  // What the tests make goes with them; after a failure it stays, to be looked at.
  // (A short path: the editor has sockets there, and macOS's own is so long that they would not fit.)
  const scratch = fs.mkdtempSync(path.join(process.platform === 'darwin' ? '/tmp' : os.tmpdir(), 'minillm-tests-'));
  process.env.TMPDIR = scratch;

  const total = { passed: 0, failed: 0, skipped: 0 };
  /** Runs a suite and adds what it counted; returns the line that says so. */
  const finish = async ([name, suite], print) => {
    const counts = await suite.run({ python, all: values.all === true, grep: values.grep, print });
    for (const key of Object.keys(total)) total[key] += counts[key];
    return `${name}: ${counts.passed} passed, ${counts.failed} failed${counts.skipped > 0 ? `, ${counts.skipped} skipped` : ''}`;
  };
  /** Runs suites one after the other; `print` takes their lines, `tell` what begins and how it ended. */
  const inTurn = async (row, print, tell) => {
    for (const one of row) {
      tell(`${one[0]}: ${one[1].about}`);
      tell(await finish(one, print));
    }
  };
  for (const stage of stages) {
    const rows = stage.map((names) => chosen.filter(([name]) => names.includes(name))).filter((row) => row.length > 0);
    // The first row prints as it goes; one beside it keeps its lines until the first is through.
    const [first = [], ...others] = rows;
    const beside = others.map((row) => {
      const kept = [];
      const names = row.map(([name]) => name).join(', ');
      say(`${names}: ${row.length > 1 ? 'run' : 'runs'} beside it`);
      return { kept, done: inTurn(row, (text) => kept.push(text), (line) => kept.push(`${stamped(line)}\n`)) };
    });
    await inTurn(first, (text) => process.stdout.write(text), say);
    for (const { kept, done } of beside) {
      await done;
      process.stdout.write(kept.join(''));
    }
  }
  if (total.failed > 0) say(`what the tests made lies in ${scratch}`);
  else fs.rmSync(scratch, { recursive: true, force: true, maxRetries: 5 });
  console.log(`${total.passed} passed, ${total.failed} failed${total.skipped > 0 ? `, ${total.skipped} skipped` : ''}`);
  return total.failed > 0 ? 1 : 0;
});
