import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { LiveRegion } from '../../../src/cli/liveRegion';
import { progressLines } from '../../../src/cli/progress';
import { wrap } from '../../../src/cli/results';
import { makePaint, Terminal } from '../../../src/cli/terminal';
import { displayWidth } from '../../../src/present/width';
import { readRun, type RunSummary } from '../../../src/rundir/runs';
import { History } from '../../../src/telemetry/history';
import { repo } from '../../harness/paths';

const dir = path.join(repo, 'test', 'fixtures', 'runs', '20261124-223702-pronounce');
const lines = readFileSync(path.join(dir, 'events.jsonl'), 'utf8').trimEnd().split('\n');

/** The recorded run at the moment when that many of its events had been written. */
function momentOf(count: number): History {
  const history = new History();
  for (const line of lines.slice(0, count)) history.appendLine(line);
  return history;
}

describe('progress of a run on a terminal', () => {
  let summary: RunSummary;
  const plain = makePaint(false);
  const draw = (history: History, columns = 110, state: RunSummary['state'] = 'running'): string[] =>
    progressLines({ ...summary, state, active: state === 'running' || state === 'stopping', status: { ...summary.status!, eta: 65 } }, history, columns, plain, 0);

  before(async () => (summary = await readRun(dir)));

  it('says what it waits for before it trains', () => {
    assert.deepEqual(draw(momentOf(1)), ['  ⠋ loading the teacher']);
    assert.deepEqual(draw(momentOf(0)), ['  ⠋ starting']);
  });

  it('has a line per phase: what is done, how long it will take, and how it goes', () => {
    const middle = draw(momentOf(lines.findIndex((line) => line.includes('"step":1800,"phase":1'))));
    assert.match(middle[0]!, /^ {2}cpu, .* · teacher 1\.78 M, student 58\.9 k parameters$/);
    assert.match(middle[1]!, /^ {2}✔ sft {6}━+ {2}1596\/1596 {2}cross-entropy 0\.\d+ [▁-█]+$/);
    assert.match(middle[2]!, /^ {2}⠋ minillm {2}━+╸?━+ {4}20\d\/800 {2}1 min 5 s left {2}reverse KL, mixed \d\.\d+ [▁-█]+/);
    assert.match(draw(momentOf(200))[2]!, /^ {2}· minillm {2}━+ {6}0\/800$/, 'a phase that has not begun has no numbers');
  });

  it('is done when it is done, and marks where it was stopped', () => {
    const end = draw(momentOf(lines.length), 110, 'finished');
    assert.equal(end.length, 3);
    assert.ok(end.slice(1).every((line) => line.startsWith('  ✔ ')));
    const stopped = draw(momentOf(lines.findIndex((line) => line.includes('"step":1800,"phase":1'))), 110, 'stopped');
    assert.match(stopped[2]!, /^ {2}■ minillm/);
  });

  it('never writes past the edge, and never a number cut in two', () => {
    for (const columns of [40, 60, 80, 100, 140]) {
      for (const count of [1, 10, 1000, 2000, lines.length]) {
        for (const line of draw(momentOf(count), columns)) {
          assert.ok(displayWidth(line) < columns, line);
          if (columns >= 80) assert.doesNotMatch(line, /…$/);
        }
      }
    }
  });

  it('is drawn over itself, with what lasts above it', () => {
    let written = '';
    const write = (text: string): string => (written += text);
    const stream = { isTTY: true, columns: 80, on: () => stream, write } as unknown as NodeJS.WriteStream;
    const region = new LiveRegion(new Terminal(stream, stream, {}));
    region.draw(['a', 'b']);
    region.draw(['a', 'b']);
    assert.equal(written, '\u001b[?25la\nb\n', 'nothing new, nothing written');
    region.draw(['c'], ['lasting']);
    region.draw(['d', 'e']);
    region.close();
    assert.equal(written, '\u001b[?25la\nb\n\r\u001b[2A\u001b[Jlasting\nc\n\r\u001b[1A\u001b[Jd\ne\n\u001b[?25h');
  });

  it('breaks a paragraph between words', () => {
    assert.deepEqual(wrap('one two three four', 9), ['one two', 'three', 'four']);
    assert.deepEqual(wrap('', 9), ['']);
  });
});
