import assert from 'node:assert/strict';
import type { AlertEvent, JournalEntry } from '../../../src/contract/generated';
import { alertLine, alertReport } from '../../../src/present/alertText';
import { foldAlerts } from '../../../src/telemetry/alerts';

const event = (step: number, text: string, samples: readonly string[] = []): AlertEvent => ({
  v: 1, seq: step, t: step, attempt: 1, kind: 'alert', step, rule: 'repetition', level: 'warning', text, action: 'checkpoint', numbers: { value: 0.4 }, samples: [...samples],
});

describe('alerts of a rule that fired again', () => {
  it('are one notice with the newest words, and all of them in the report', () => {
    const alerts = foldAlerts([event(1200, 'It says "la" for ever.', ['la la']), event(3400, 'It says "lo" for ever.'), event(5600, 'It says\n"li" for ever.')], []);
    assert.deepEqual(alerts.map(alertLine), ['Step 5600: It says "li" for ever. (3 times) A checkpoint was saved.']);
    const report = alertReport('r', alerts);
    const lines = report.split('\n');
    assert.deepEqual(lines.slice(lines.indexOf('  Before that:')), [
      '  Before that:', '    Step 3400: It says "lo" for ever. A checkpoint was saved.', '    Step 1200: It says "la" for ever. A checkpoint was saved.', '',
    ]);
    assert.match(report, /Responses that show it:\n {4}la la\n/, 'of the newest that has some');
  });

  it('have a time where the supervisor spoke, and are left out of the report beyond what anybody reads', () => {
    const journal = Array.from({ length: 500 }, (_, seq) => ({ v: 1, seq, t: 1e9 + 60 * seq, attempt: 1, kind: 'alert', rule: 'diskSpace', text: `${900 - seq} MB left.\u001b[2J`, numbers: {} })) as unknown as JournalEntry[];
    const report = alertReport('r', foldAlerts([], journal));
    assert.match(report, /\d\d:\d\d.*: 402 MB left\.\\u\{1b\}\[2J\n/);
    assert.ok(report.split('\n').length < 220);
    assert.match(report, /\(299 older ones are in the run's events\.jsonl and journal\.jsonl\)/);
  });
});
