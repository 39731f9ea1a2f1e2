import assert from 'node:assert/strict';
import { checkpointRows, headlineKl, scoreMetric } from '../../../src/present/checkpoints';
import { History } from '../../../src/telemetry/history';

function historyOf(...events: readonly Record<string, unknown>[]): History {
  const history = new History();
  const lines = events.map((event, seq) => JSON.stringify({ v: 1, seq, t: seq, attempt: 1, ...event }));
  for (const line of lines) assert.ok(history.appendLine(line), line);
  assert.equal(history.unreadable, undefined);
  return history;
}

const checkpoint = (step: number): Record<string, unknown> => ({ kind: 'checkpoint', step, name: `s${step}`, path: `checkpoints/s${step}`, bytes: step, seconds: 1, phase: 'sft' });
const evaluation = (step: number, metrics: Record<string, number | string>, more: Record<string, unknown> = {}): Record<string, unknown> =>
  ({ kind: 'evaluation', step, checkpoint: `s${step}`, subject: 'student', full: false, rows: 9, temperature: 1, metrics, path: '', ...more });

describe('checkpointRows', () => {
  it('gives each checkpoint the scores that compare with those of the others', () => {
    const history = historyOf(
      checkpoint(1), evaluation(1, { 'eval/kl_reverse': 0.7 }),
      checkpoint(2), evaluation(2, { 'eval/kl_reverse': 0.5 }), evaluation(2, { 'eval/kl_reverse': 0.1 }, { full: true }),
      evaluation(2, { 'eval/kl_reverse': 0.01 }, { subject: 'control' }), checkpoint(3),
    );
    const rows = checkpointRows(history, 'eval/kl_reverse');
    assert.deepEqual(rows.map(({ name, metrics, best }) => [name, metrics['eval/kl_reverse'], best]), [['s1', 0.7, false], ['s2', 0.5, true], ['s3', undefined, false]]);
  });

  it('marks the best in the direction of the metric, the earlier of equals, and none where nothing is a number', () => {
    const history = historyOf(
      checkpoint(1), evaluation(1, { 'eval/rougeL_greedy': 0.5, 'eval/kl_reverse': 'NaN' }), checkpoint(2), evaluation(2, { 'eval/rougeL_greedy': 0.6 }),
      checkpoint(3), evaluation(3, { 'eval/rougeL_greedy': 0.6 }),
    );
    assert.equal(checkpointRows(history, 'eval/rougeL_greedy').find(({ best }) => best)?.name, 's2');
    assert.equal(checkpointRows(history, 'eval/kl_reverse').find(({ best }) => best), undefined);
  });
});

describe('a run that went back to an earlier checkpoint', () => {
  const name = (step: number, attempt: number): string => `step-${String(step).padStart(8, '0')}-a${attempt}`;
  const saved = (step: number, attempt: number): Record<string, unknown> => ({ ...checkpoint(step), attempt, name: name(step, attempt) });
  const scored = (step: number, attempt: number, kl: number): Record<string, unknown> =>
    evaluation(step, { 'eval/kl_reverse': kl }, { attempt, checkpoint: name(step, attempt) });

  it('has its best and its newest among the checkpoints that led to where it is', () => {
    const history = historyOf(
      saved(10, 1), scored(10, 1, 0.9), saved(20, 1), scored(20, 1, 0.2), saved(30, 1), scored(30, 1, 0.1),
      { kind: 'resume', attempt: 2, step: 10, checkpoint: name(10, 1) }, saved(20, 2), scored(20, 2, 0.8),
    );
    assert.equal(checkpointRows(history, 'eval/kl_reverse').find(({ best }) => best)?.name, name(20, 2));
    assert.equal(headlineKl(history, false)?.nats, 0.8);
  });
});

describe('scoreMetric', () => {
  it('is the metric that was chosen, else exact match where anything matches, else Rouge-L', () => {
    const rows = (exact: number): ReturnType<typeof checkpointRows> => checkpointRows(historyOf(checkpoint(1), evaluation(1, { 'eval/accuracy_greedy': exact })), 'x');
    assert.equal(scoreMetric(rows(0.1), 'eval/nll_gold'), 'eval/nll_gold');
    assert.equal(scoreMetric(rows(0.1), 'eval/kl_reverse'), 'eval/accuracy_greedy');
    assert.equal(scoreMetric(rows(0), 'eval/kl_reverse'), 'eval/rougeL_greedy');
  });
});

describe('headlineKl', () => {
  it('is the newest of training while it goes on, and of the last evaluation afterwards', () => {
    const step = { kind: 'step', step: 3, phase: 0, metrics: { 'kl/reverse': 0.3 } };
    const history = historyOf(evaluation(1, { 'eval/kl_reverse': 0.7 }), step, evaluation(3, { 'eval/kl_reverse': 0 }, { subject: 'teacher' }));
    assert.deepEqual(headlineKl(history, true), { nats: 0.3, rows: undefined });
    assert.equal(headlineKl(history, false)?.nats, 0.7);
    assert.equal(headlineKl(historyOf(step), false)?.nats, 0.3);
    assert.equal(headlineKl(new History(), true), undefined);
  });
});
