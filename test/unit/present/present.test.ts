import assert from 'node:assert/strict';
import { formatBytes, formatCount, formatDuration, formatMetric, formatNumber } from '../../../src/present/numbers';
import { progressBar, sparkline } from '../../../src/present/sparkline';
import { formatTable } from '../../../src/present/table';
import { plainMessage } from '../../../src/present/text';
import { displayWidth, fit, pad } from '../../../src/present/width';

describe('numbers for people', () => {
  it('have three digits, and never hide what is no number', () => {
    assert.deepEqual([0, 0.5, -0.1234, 1.234, 12.34, 123.4, 1e-5, 2e7, NaN, Infinity, -Infinity].map(formatNumber),
      ['0.000', '0.500', '−0.123', '1.23', '12.3', '123', '1.0e−5', '2.0e7', 'NaN', '∞', '−∞']);
    assert.deepEqual([58_896, 1_780_000, 999, 124_000_000, 7e9].map(formatCount), ['58.9 k', '1.78 M', '999', '124 M', '7.00 G']);
    assert.deepEqual([0, 999, 1000, 1_500_000].map(formatBytes), ['0 B', '999 B', '1.00 kB', '1.50 MB']);
    assert.deepEqual([0, 59.4, 60, 200, 7500, 270_000, NaN].map(formatDuration), ['0 s', '59 s', '1 min', '3 min 20 s', '2 h 5 min', '3 d 3 h', 'unknown']);
    assert.equal(formatMetric('eval/accuracy_greedy', 0.4532), '45.3 %');
    assert.equal(formatMetric('kl/reverse', 0.4532), '0.453');
  });
});

describe('text in a terminal', () => {
  it('is measured by the columns that it takes', () => {
    assert.deepEqual(['', 'abc', '\u001b[1mab\u001b[22m', '日本', 'e\u0301', '😀', '−∞'].map(displayWidth), [0, 3, 2, 4, 1, 2, 2]);
    assert.equal(pad('日本', 6, 'right'), '  日本');
  });

  it('is cut to fit, with its colours ended', () => {
    assert.equal(fit('abcdef', 4), 'abc…');
    assert.equal(fit('abcd', 4), 'abcd');
    assert.equal(fit('日本語', 4), '日…');
    assert.equal(fit('\u001b[31mabcdef\u001b[39m', 4), '\u001b[31mabc…\u001b[0m');
    for (const width of [1, 2, 5, 9]) assert.ok(displayWidth(fit('a日b本c語\u001b[1md\u001b[22m', width)) <= width);
  });

  it('makes tables whose columns line up, colours or not', () => {
    const lines = formatTable(
      [{ head: 'run', align: 'left' }, { head: 'reverse\nKL', align: 'right' }],
      [['a', '0.5'], ['日本', '\u001b[32m12.25\u001b[39m']],
    );
    assert.deepEqual(lines, ['      reverse', 'run        KL', 'a         0.5', '日本    \u001b[32m12.25\u001b[39m']);
  });

  it('draws curves and bars', () => {
    assert.equal(sparkline([0, 1, 2, 3, 4, 5, 6, 7]), '▁▂▃▄▅▆▇█');
    assert.equal(sparkline([5, NaN, 5]), '▄×▄');
    assert.equal(sparkline([]), '');
    for (const share of [-1, 0, 0.26, 0.5, 1, 2, NaN]) {
      const { filled, rest } = progressBar(share, 10);
      assert.equal((filled + rest).length, 10);
    }
    assert.deepEqual(progressBar(0.25, 10), { filled: '━━╸', rest: '━━━━━━━' });
  });
});

describe('text in a notification', () => {
  // What the editor takes for a link.
  const link = /\[[^\]]+\]\((?:https?:\/\/|command:|file:)[^)\s]+/;

  it('holds nothing to click, whatever a folder says', () => {
    for (const text of ['[Fix it](command:minillm.setUpPython)', 'a [b](https://c.example) [d](file:///e)', '[[x]](command:y)', '[x]\u200b(command:y)']) {
      assert.doesNotMatch(plainMessage(`The run ${text} ended.`), link);
    }
    assert.match('[Fix it](command:minillm.setUpPython)', link);
  });

  it('shows what cannot be seen, and ends', () => {
    assert.equal(plainMessage('a\u202eb\u001b[31m'), 'a\\u{202e}b\\u{1b}[31m');
    assert.equal(plainMessage('Line one\nand two (see [1]).'), 'Line one\nand two (see [1]).');
    assert.ok(plainMessage('[x](command:y) '.repeat(100_000)).length < 500);
  });
});
