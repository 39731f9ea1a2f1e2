/**
 * Mocha reporter of all suites: a line per group of tests, failures in full, skips with their reason.
 * MINILLM_COUNTS names a file for the counts, as JSON; MINILLM_OUTPUT one for the lines, instead of the console
 * (the extension host's console reaches the page mixed with the editor's own lines).
 */
import { appendFileSync, writeFileSync } from 'node:fs';
import Mocha from 'mocha';

const { EVENT_RUN_END, EVENT_TEST_PASS, EVENT_TEST_FAIL, EVENT_TEST_PENDING } = Mocha.Runner.constants;

function print(line: string): void {
  const file = process.env.MINILLM_OUTPUT;
  if (file) appendFileSync(file, `${line}\n`);
  else console.log(line);
}

/** The outermost named group: one line of output each. */
function groupOf(test: Mocha.Runnable): string {
  const names = test.titlePath();
  return names.length > 1 ? names[0] ?? '' : '(no group)';
}

/** Mocha calls this with `new`; all it does is listen. */
function Concise(runner: Mocha.Runner): void {
  const counts = { passed: 0, failed: 0, skipped: 0 };
  let group = '';
  let passed = 0;
  let milliseconds = 0;
  const close = () => {
    if (passed > 0) print(`  ok  ${group}: ${passed} ${passed === 1 ? 'test' : 'tests'}, ${(milliseconds / 1000).toFixed(1)} s`);
    passed = 0;
    milliseconds = 0;
  };
  const enter = (test: Mocha.Runnable) => {
    if (groupOf(test) !== group) close();
    group = groupOf(test);
  };
  runner.on(EVENT_TEST_PASS, (test) => {
    enter(test);
    counts.passed += 1;
    passed += 1;
    milliseconds += test.duration ?? 0;
  });
  // A hook that fails comes here too, under its own title.
  runner.on(EVENT_TEST_FAIL, (test, error: Error & { readonly actual?: unknown; readonly expected?: unknown }) => {
    enter(test);
    counts.failed += 1;
    print(`  FAILED  ${test.titlePath().join(' › ')}`);
    print((error.stack ?? error.message).replace(/^/gm, '      '));
  });
  runner.on(EVENT_TEST_PENDING, (test) => {
    enter(test);
    counts.skipped += 1;
    print(`  skipped  ${test.titlePath().join(' › ')}`);
  });
  runner.on(EVENT_RUN_END, () => {
    close();
    if (process.env.MINILLM_COUNTS) writeFileSync(process.env.MINILLM_COUNTS, JSON.stringify(counts));
  });
}

// What mocha takes from a reporter's file is its export itself.
module.exports = Concise;
