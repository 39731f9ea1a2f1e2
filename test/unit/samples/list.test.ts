import assert from 'node:assert/strict';
import type { Sample } from '../../../src/contract/generated';
import { comparePrompts, holds, type ListOrder, onlyChanged, sortListed, textsOf } from '../../../src/samples/list';
import { pairSamples } from '../../../src/samples/pair';

const sample = (promptId: string, draw: number, text: string, exact: number): Sample =>
  ({ promptId, prompt: `${promptId}?`, draw, text, score: { exact, rougeL: exact }, references: [] }) as unknown as Sample;

describe('a list of compared prompts', () => {
  const older = [sample('a', 1, 'x', 0), sample('a', 0, 'x', 1), sample('b', 0, 'x', 1), sample('c', 0, 'x', 0)];
  const newer = [sample('a', 0, 'y', 0), sample('a', 1, 'y', 1), sample('b', 0, 'y', 0), sample('c', 0, 'y', 1)];
  const compared = comparePrompts(pairSamples(older, newer));

  it('has one entry per prompt with all that happened to its draws', () => {
    assert.deepEqual(compared.map(({ promptId, pairs, changes }) => [promptId, pairs.map(({ draw }) => draw), [...changes].sort()]), [
      ['a', [0, 1], ['improved', 'regressed']], ['b', [0], ['regressed']], ['c', [0], ['improved']],
    ]);
  });

  it('is sorted by change or by score; what comes out even keeps its order', () => {
    const ids = (order: ListOrder): string => sortListed(compared, order).map(({ promptId }) => promptId).join('');
    assert.deepEqual([ids('prompt'), ids('change'), ids('gain'), ids('score')], ['abc', 'bac', 'cab', 'bac']);
    const unscored = comparePrompts(pairSamples([], [{ ...sample('z', 0, 'x', 0), score: {} }, sample('y', 0, 'x', 0)]));
    assert.deepEqual(sortListed(unscored, 'score').map(({ promptId }) => promptId), ['y', 'z']);
  });

  it('is filtered by what happened to any draw', () => {
    const ids = (...only: Parameters<typeof onlyChanged>[1] & object): string => onlyChanged(compared, only).map(({ promptId }) => promptId).join('');
    assert.deepEqual([ids('improved'), ids('regressed'), ids('same'), ids('improved', 'regressed')], ['ac', 'ab', '', 'abc']);
    assert.equal(onlyChanged(compared, null).length, 3);
  });

  it('is searched whatever the case', () => {
    assert.ok(holds(['The Word'], ' word '));
    assert.ok(holds(['x'], ''));
    assert.ok(!holds(['x'], 'y'));
    assert.deepEqual(textsOf(compared[1]!), ['b', 'b?', 'x', 'y']);
  });
});
