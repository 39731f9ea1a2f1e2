import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { History } from '../../../src/telemetry/history';
import { repo } from '../../harness/paths';

const line = (seq: number, fields: Record<string, unknown>): string => JSON.stringify({ v: 1, seq, t: 1000 + seq, attempt: 1, ...fields });
const step = (seq: number, at: number, metrics: Record<string, unknown>, attempt = 1): string => line(seq, { kind: 'step', step: at, phase: 0, metrics, attempt });

describe('History', () => {
  it('counts each seq once and tells which never came', () => {
    const history = new History();
    for (const seq of [0, 1, 1, 2, 5, 5, 4, 6, 9]) history.appendLine(step(seq, seq + 1, { 'loss/total': seq }));
    assert.deepEqual(history.gaps, [{ from: 3, to: 4 }, { from: 7, to: 8 }]);
    assert.deepEqual(history.series.get('loss/total')?.values, [0, 1, 2, 5, 6, 9]);
  });

  it('takes numbers that are not finite for data', () => {
    const history = new History();
    for (const [seq, value] of ['NaN', 'Infinity', '-Infinity', 0.5].entries()) history.appendLine(step(seq, seq + 1, { 'loss/total': value }));
    assert.deepEqual(history.series.get('loss/total')?.values, [NaN, Infinity, -Infinity, 0.5]);
  });

  it('keeps words that models write as words', () => {
    const history = new History();
    history.appendLine(line(0, { kind: 'message', level: 'info', text: 'NaN' }));
    assert.equal(history.messages[0]?.text, 'NaN');
  });

  it('lets kinds and fields pass that it does not know, and counts what it cannot use', () => {
    const history = new History();
    history.appendLine(line(0, { kind: 'sonnet', lines: 14 }));
    history.appendLine(line(1, { kind: 'toString' }));
    history.appendLine(line(2, { kind: 'step', step: 1, phase: 0, metrics: { 'loss/total': 1 }, mood: 'fine' }));
    const garbage = [
      '', '{', 'null', '[]', '7', '"step"', '{"v":1}', '\u0000\u0001', '{"v":1,"seq":-1,"t":1,"attempt":1,"kind":"step"}',
      line(3, { kind: 'step' }), line(4, { kind: 'step', step: 1, phase: 0, metrics: { a: 'many' } }), line(1e300, { kind: 'message', text: 'x' }),
      line(1.5, { kind: 'message', text: 'x' }), '{"v":1,"seq":9,"t":1,"attempt":1,"kind":{"__proto__":null}}',
    ];
    for (const text of garbage) assert.equal(history.appendLine(text), false, text);
    assert.equal(history.unreadable?.count, garbage.length);
    assert.equal(history.lastSeq, 2);
    assert.deepEqual(history.gaps, []);
    assert.deepEqual(history.series.get('loss/total')?.values, [1]);
  });

  it('refuses what a newer version wrote, with a sentence', () => {
    const history = new History();
    history.appendLine(JSON.stringify({ v: 2, seq: 0, t: 1, attempt: 1, kind: 'step' }));
    assert.match(history.unreadable?.reason ?? '', /newer version/);
  });

  it('discards what a resumed attempt will train anew, in every series', () => {
    const history = new History();
    history.appendLine(line(0, { kind: 'phase', index: 0, method: 'sft', firstStep: 1, steps: 10 }));
    for (let at = 1; at <= 6; at++) history.appendLine(step(at, at, { 'loss/total': at, ...(at === 6 ? { 'eval/rare': 1 } : {}) }));
    history.appendLine(line(7, { kind: 'resume', attempt: 2, step: 4, checkpoint: 'step-00000004-a1' }));
    history.appendLine(line(8, { kind: 'phase', attempt: 2, index: 0, method: 'sft', firstStep: 1, steps: 10 }));
    history.appendLine(step(9, 5, { 'loss/total': 50 }, 2));
    assert.deepEqual(history.series.get('loss/total')?.values, [1, 2, 3, 4, 50]);
    assert.deepEqual(history.series.get('loss/total')?.discarded, [{ step: 5, value: 5 }, { step: 6, value: 6 }]);
    assert.deepEqual(history.series.get('eval/rare')?.values, []);
    assert.equal(history.phases.length, 1);
  });

  it('discards nothing in a run that was not resumed: where rollouts told what steps tell, the steps\' word stands', () => {
    const history = new History();
    const rollout = (seq: number, at: number, metrics: Record<string, unknown>): string => line(seq, { kind: 'rollout', step: at, phase: 0, round: seq, metrics });
    history.appendLine(rollout(0, 0, { 'throughput/tokens': 7, 'kl/reverse': 2 }));
    history.appendLine(step(1, 1, { 'throughput/tokens': 100 }));
    history.appendLine(rollout(2, 1, { 'throughput/tokens': 8, 'kl/reverse': 1 }));
    history.appendLine(step(3, 2, { 'throughput/tokens': 200 }));
    const told = (name: string): unknown => ({ steps: history.series.get(name)?.steps, values: history.series.get(name)?.values });
    assert.deepEqual(told('throughput/tokens'), { steps: [0, 1, 2], values: [7, 100, 200] });
    assert.deepEqual(told('kl/reverse'), { steps: [0, 1], values: [2, 1] });
    history.appendLine(line(4, { kind: 'resume', attempt: 2, step: 1, checkpoint: 'step-00000001-a1' }));
    history.appendLine(rollout(5, 1, { 'kl/reverse': 0.5 }));
    assert.deepEqual(told('kl/reverse'), { steps: [0, 1], values: [2, 0.5] }, 'of two rollouts after a step the later one is in use');
    assert.deepEqual(history.series.get('throughput/tokens')?.discarded, [{ step: 2, value: 200 }]);
    for (const id of ['20261124-223702-pronounce', '20261124-232620-pronounce']) {
      const recorded = new History();
      const lines = readFileSync(path.join(repo, 'test', 'fixtures', 'runs', id, 'events.jsonl'), 'utf8').trim().split('\n');
      for (const text of lines) recorded.appendLine(text);
      assert.deepEqual([...recorded.series.values()].filter(({ discarded }) => discarded.length > 0).map(({ name }) => name), [], id);
      assert.equal(recorded.series.get('throughput/tokens')?.steps.length, recorded.lastStep, id);
    }
  });

  it('folds 100,000 events in less than three seconds, and loses none', () => {
    const lines = Array.from({ length: 100_000 }, (_, i) => step(i, i + 1, { 'loss/total': 1 / (i + 1), 'kl/reverse': i % 7, 'grad/norm': 1 }));
    const history = new History();
    const start = performance.now();
    for (const text of lines) history.appendLine(text);
    const took = performance.now() - start;
    assert.ok(took < 3000, `${took} ms`);
    assert.equal(history.series.get('kl/reverse')?.values.length, 100_000);
    assert.equal(history.lastSeq, 99_999);
    assert.deepEqual(history.gaps, []);
  });
});
