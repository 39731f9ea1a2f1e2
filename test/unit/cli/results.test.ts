import assert from 'node:assert/strict';
import { printSideBySide } from '../../../src/cli/results';
import { Terminal } from '../../../src/cli/terminal';
import { displayWidth } from '../../../src/present/width';
import type { ResultRow, ResultTable } from '../../../src/protocol/results';

const names = ['words', 'words-gkd', 'words-of-a-rather-long-name', 'w', 'another', 'λ=½'];
const row = (label: string, i: number): ResultRow =>
  ({ id: label, step: 100 * i, label, detail: `step ${100 * i}, gkd`, values: [0.4 + i / 10, 0.5], best: [], selectable: false });
const table: ResultTable = { metrics: ['eval/kl_reverse', 'eval/accuracy_greedy'], rows: names.map(row), count: 300 };

function printed(columns: number): string[] {
  let written = '';
  const stream = { isTTY: true, columns, on: () => stream, write: (text: string) => (written += text) } as unknown as NodeJS.WriteStream;
  printSideBySide(table, new Terminal(stream, stream, { NO_COLOR: '1' }));
  return written.trimEnd().split('\n');
}

describe('scores of several runs on a terminal', () => {
  it('stand side by side where there is room, and below each other where there is none', () => {
    const heads = (lines: string[]): string[] => lines.flatMap((line) => line.trim().split(/ {2,}/).filter((cell) => names.includes(cell)));
    assert.equal(printed(200).length, 1 + 2 + 2);
    for (const columns of [40, 60, 80, 200]) {
      const lines = printed(columns);
      // One alone is not cut.
      if (columns > 40) for (const line of lines) assert.ok(displayWidth(line) <= columns, `${line} in ${columns}`);
      assert.deepEqual(heads(lines), names, 'each run once, in order');
      const bands = lines.filter((line) => line.startsWith('reverse KL'));
      assert.deepEqual(bands.flatMap((line) => line.match(/\d\.\d+/g)), ['0.400', '0.500', '0.600', '0.700', '0.800', '0.900']);
      assert.equal(lines.filter((line) => line === '').length, bands.length - 1);
    }
  });
});
