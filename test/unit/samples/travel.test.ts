import assert from 'node:assert/strict';
import type { Sample } from '../../../src/contract/generated';
import { discardedCheckpoints, keptCheckpoints } from '../../../src/samples/branch';
import { travelOf } from '../../../src/samples/travel';

const name = (step: number, attempt = 1): string => `step-${String(step).padStart(8, '0')}-a${attempt}`;

function sides(...answers: readonly (readonly [checkpoint: string, text: string, prompt?: string])[]): Map<string, Sample[]> {
  return new Map(answers.map(([checkpoint, text, prompt = 'what?']) => {
    const step = Number(checkpoint.slice(5, 13));
    const sample = { v: 1, checkpoint, step, promptId: 'p', prompt, draw: 0, seed: null, ids: [], text, score: { exact: text === 'yes' ? 1 : 0 }, kl: 0.5, klSequence: 1, repetition: 0, length: 2, stop: 'eos', references: ['yes'] };
    return [checkpoint, [sample as Sample]];
  }));
}

describe('a prompt over the checkpoints', () => {
  it('tells when it first changed, was first right, and came to rest', () => {
    const travel = travelOf(sides([name(10), 'no'], [name(20), 'no'], [name(30), 'maybe'], [name(40), 'yes'], [name(50), 'maybe'], [name(60), 'yes'], [name(70), 'yes']), 'p', 0);
    assert.deepEqual(travel && [travel.firstChanged, travel.firstRight, travel.settled], [2, 3, 5]);
    const still = travelOf(sides([name(10), 'no'], [name(20), 'no']), 'p', 0);
    assert.deepEqual(still && [still.firstChanged, still.firstRight, still.settled], [undefined, undefined, undefined]);
    assert.equal(travelOf(sides([name(10), 'no']), 'p', 3), undefined);
  });

  it('leaves out what a resumed attempt went back behind, and the teacher', () => {
    assert.deepEqual(keptCheckpoints([name(10), name(20), name(30), name(20, 2), name(30, 2), 'teacher']), [name(10), name(20, 2), name(30, 2)]);
    assert.deepEqual(keptCheckpoints([name(10), name(20), name(40, 2), name(30, 3)]), [name(10), name(20), name(30, 3)]);
    assert.deepEqual(discardedCheckpoints([name(10), name(20), name(40, 2), name(30, 3), 'teacher']), [name(40, 2)]);
    const travel = travelOf(sides([name(10), 'no'], [name(20), 'lost'], [name(20, 2), 'yes'], ['teacher', 'yes']), 'p', 0);
    assert.deepEqual(travel?.moments.map(({ sample }) => sample.text), ['no', 'yes']);
    assert.equal(travel.discarded, 1);
  });

  it('does not mix the prompt with what stood in its row before', () => {
    const travel = travelOf(sides([name(10), 'no', 'another?'], [name(20), 'maybe'], [name(30), 'yes']), 'p', 0);
    assert.deepEqual(travel?.moments.map(({ step }) => step), [20, 30]);
  });
});
