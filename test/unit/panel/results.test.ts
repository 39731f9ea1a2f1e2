import assert from 'node:assert/strict';
import type { EvaluationEvent, PhaseEvent } from '../../../src/contract/generated';
import { buildResults, type Results } from '../../../src/protocol/results';
import { type Contender, sideBySide } from '../../../src/protocol/sideBySide';

const phase = (index: number, method: string, firstStep: number): PhaseEvent => ({ v: 1, seq: index, t: 0, attempt: 1, kind: 'phase', index, method, firstStep, steps: 100 });
const phases = [phase(0, 'sft', 1), phase(1, 'minillm', 101)];
const name = (step: number): string => `step-${String(step).padStart(8, '0')}-a1`;

function scored(step: number, metrics: Record<string, number>, more: Partial<EvaluationEvent> = {}): EvaluationEvent {
  return { v: 1, seq: 0, t: 0, attempt: 1, kind: 'evaluation', step, checkpoint: name(step), subject: 'student', full: false, rows: 500, temperature: 1, metrics, path: '', ...more };
}

const full = (step: number, accuracy: number, more: Partial<EvaluationEvent> = {}): EvaluationEvent => scored(step, { 'eval/accuracy_sampled': accuracy }, { full: true, rows: 2405, ...more });

const results = (...evaluations: EvaluationEvent[]): Results => buildResults(evaluations, new Set([name(100), name(200)]), phases);

describe('results', () => {
  const start = full(100, 0.34);
  const end = full(200, 0.47);
  const control = (accuracy: number): EvaluationEvent => full(100, accuracy, { subject: 'control', temperature: 0.52 });

  it('sets the gain against what a lower temperature alone would have given', () => {
    assert.match(results(start, end, control(0.435)).verdict ?? '', /34\.0 % at the start, 47\.0 % at the end \(\+13\.0 points\).*temperature 0\.52.*43\.5 %: 9\.5 points of the gain are sharpening, 3\.5 are more/);
    assert.match(results(start, end, control(0.48)).verdict ?? '', /all of this gain is sharpening/);
    assert.match(results(start, end, control(0.3)).verdict ?? '', /none of this gain is mere sharpening/);
    assert.match(results(start, end).verdict ?? '', /No sharpening control was scored/);
  });

  it('tells of a start before the first step that nothing has trained it', () => {
    const { final, checkpoints } = results(scored(0, { 'eval/kl_reverse': 1 }), full(0, 0.3), end);
    assert.deepEqual(final.rows.map(({ label, detail }) => `${label}, ${detail}`), ['start, step 0', 'final student, step 200']);
    assert.deepEqual(checkpoints.rows.map(({ label, detail }) => [label, detail]), [['step 0', '']]);
  });

  it('tells a loss as a loss', () => {
    const verdict = results(start, full(200, 0.3), control(0.4)).verdict ?? '';
    assert.match(verdict, /−4\.0 points/);
    assert.doesNotMatch(verdict, /of the gain|this gain/);
  });

  it('orders the final table: start, control, final student, teacher', () => {
    const { final } = results(full(0, 0.64, { subject: 'teacher', checkpoint: 'teacher' }), end, control(0.435), start);
    assert.deepEqual(final.rows.map(({ label }) => label), ['start', 'sharpening control', 'final student', 'teacher']);
    assert.equal(final.rows[0]?.detail, 'step 100, after sft');
    assert.equal(final.count, 2405);
    assert.deepEqual(final.rows.map(({ best }) => best.length), [0, 0, 1, 0], 'the teacher is no contender');
  });

  it('marks the best checkpoint of each column by the direction that the catalogue gives, and none among equals', () => {
    const { checkpoints } = results(
      scored(100, { 'eval/kl_reverse': 0.7, 'eval/accuracy_greedy': 0.5, 'eval/entropy': 0.3, 'eval/truncated': 0 }),
      scored(200, { 'eval/kl_reverse': 0.4, 'eval/accuracy_greedy': NaN, 'eval/entropy': 0.1, 'eval/truncated': 0 }),
      scored(150, { 'eval/kl_reverse': 0.5, 'eval/accuracy_greedy': 0.48, 'eval/entropy': 0.2, 'eval/truncated': 0 }),
    );
    assert.deepEqual(checkpoints.metrics, ['eval/kl_reverse', 'eval/accuracy_greedy', 'eval/entropy', 'eval/truncated']);
    assert.deepEqual(checkpoints.rows.map(({ step, best }) => [step, best]), [[100, [1]], [150, []], [200, [0]]]);
    assert.deepEqual(checkpoints.rows.map(({ selectable }) => selectable), [true, false, true], 'only what has samples can be compared');
  });

  it('takes the later of two evaluations of one checkpoint', () => {
    const { checkpoints } = results(scored(100, { 'eval/kl_reverse': 9 }), scored(100, { 'eval/kl_reverse': 0.7 }));
    assert.deepEqual(checkpoints.rows.map(({ values }) => values), [[0.7]]);
  });

  it('heads the panel with where the last phase took the run up', () => {
    const { headlines } = results(...[50, 100, 150, 200].map((step) => scored(step, { 'eval/kl_reverse': 1 - step / 400, 'eval/accuracy_sampled': 0, 'eval/rougeL_sampled': step / 1000 })));
    assert.deepEqual(headlines, [
      { metric: 'eval/kl_reverse', value: 0.5, from: { value: 0.75, step: 100 }, rows: 500 },
      { metric: 'eval/rougeL_sampled', value: 0.2, from: { value: 0.1, step: 100 }, rows: 500 },
    ]);
    assert.equal(results(scored(50, { 'eval/kl_reverse': 1 })).headlines[0]?.from, null);
    assert.deepEqual(results().headlines, []);
  });

  it('heads the panel of a finished run with what was scored on all rows', () => {
    const kl = (value: number): Record<string, number> => ({ 'eval/kl_reverse': value, 'eval/accuracy_sampled': 0.4 });
    const subset = [scored(100, kl(0.7)), scored(200, kl(0.5))];
    const whole = [scored(100, kl(0.72), { full: true, rows: 2405 }), scored(200, kl(0.52), { full: true, rows: 2405 })];
    assert.deepEqual(results(...subset, ...whole).headlines[0], { metric: 'eval/kl_reverse', value: 0.52, from: { value: 0.72, step: 100 }, rows: 2405 });
    assert.equal(results(...subset, ...whole, scored(300, kl(0.4))).headlines[0]?.rows, 500, 'it went on: the newest counts');
  });

  it('keeps what a resumed attempt went back behind out of the best and the newest', () => {
    const at = (step: number, attempt: number, kl: number): EvaluationEvent =>
      scored(step, { 'eval/kl_reverse': kl }, { checkpoint: name(step).replace('a1', `a${attempt}`) });
    const { checkpoints, headlines } = results(at(100, 1, 0.7), at(200, 1, 0.1), at(150, 2, 0.5));
    assert.deepEqual(checkpoints.rows.map(({ label, detail, best }) => [label, detail, best]), [
      ['step 100', 'sft', []], ['step 150 (attempt 2)', 'minillm', [0]], ['step 200', 'minillm, discarded', []],
    ]);
    assert.equal(headlines[0]?.value, 0.5);
  });
});

describe('results of several runs', () => {
  const contender = (name: string, evaluations: EvaluationEvent[], differs: string[] = []): Contender =>
    ({ id: name, name, differs, evaluations, phases });
  const rowsOf = (...runs: Contender[]): string[] | undefined =>
    sideBySide(runs)?.rows.map(({ label, detail, differs = [], values, best }) => (
      `${label}: ${[detail, ...differs].join(', ')}: ${values.join(' ')}${best.length > 0 ? ' best' : ''}`));

  it('set the ends side by side, and say what keeps them from being compared: then none is best', () => {
    const mine = contender('mine', [scored(200, { 'eval/accuracy_sampled': 0.9 }), full(100, 0.3), full(200, 0.4), full(200, 0.99, { subject: 'control' })]);
    const other = contender('other', [full(150, 0.5, { rows: 300 })], ['another teacher']);
    assert.deepEqual(rowsOf(mine, other, contender('new', [])), [
      'mine: step 200, minillm: 0.4', 'other: step 150, minillm, 300 rows, another teacher: 0.5', 'new: not scored yet: ',
    ]);
  });

  it('set checkpoints side by side while one of the runs has no end, and leave out what was discarded', () => {
    const mine = contender('mine', [scored(100, { 'eval/kl_reverse': 2 }), scored(200, { 'eval/kl_reverse': 1 }), full(200, 0.4)]);
    const kl = (step: number, value: number, more = {}): EvaluationEvent => scored(step, { 'eval/kl_reverse': value }, more);
    const other = contender('other', [kl(100, 3), kl(200, 0.1), kl(120, 4, { checkpoint: 'step-00000120-a2' })]);
    assert.deepEqual(rowsOf(mine, other), ['mine: step 200, minillm: 1 best', 'other: step 120, minillm: 4']);
  });

  it('are nothing of one run alone', () => {
    assert.equal(sideBySide([contender('mine', [full(200, 0.4)])]), null);
    assert.equal(sideBySide([contender('mine', [full(200, 0.4)]), contender('new', [])]), null);
  });
});
