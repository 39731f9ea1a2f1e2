import assert from 'node:assert/strict';
import path from 'node:path';
import { loadSamples } from '../../../src/editor/panel/sampleView';
import { repo, temporaryFolder } from '../../harness/paths';
import { writeSamples } from '../tokenRun';

const recorded = path.join(repo, 'test', 'fixtures', 'runs', '20261124-232620-pronounce');
const [first, last] = ['step-00000200-a1', 'step-00001700-a1'];

describe('samples for the panel', () => {
  it('are those of one side, with draws that came out alike as one', async () => {
    const { prompts, counts } = await loadSamples(recorded, last, null);
    assert.equal(prompts.length, 20);
    assert.equal(counts, null);
    assert.deepEqual(prompts[0]?.draws.map(({ draws }) => draws), [[0, 1]], 'both are K AW G');
    const told = prompts[0].draws[0]?.newer;
    assert.equal(told?.brief, 'KL 1.23');
    assert.equal(told.detail, 'error rate 66.7 % · Rouge-L 33.3 % · KL 1.23 · sequence KL 4.94 · 4 tokens');
    assert.ok(prompts.some(({ draws }) => draws.length === 2));
    assert.ok(prompts.every(({ changes, draws }) => changes.length === 0 && draws.every(({ change }) => change === null)));
  });

  it('are compared, alike only where both sides are', async () => {
    const { prompts, counts } = await loadSamples(recorded, last, first);
    assert.deepEqual(prompts[0]?.draws.map(({ draws }) => draws), [[0], [1]]);
    assert.equal(Object.values(counts ?? {}).reduce((sum, count) => sum + count, 0), 40);
    assert.ok(prompts.every(({ draws }) => draws.every(({ pieces }) => pieces === undefined)), 'phonemes are words');
  });

  it('bring their tokens along where words are no unit', async () => {
    const dir = path.join(temporaryFolder('pieces'), '20260101-000000-x');
    writeSamples(dir, first, [['col', 'our'], ['x\u202e', 'y'], ['two words']]);
    writeSamples(dir, last, [['col', 'or'], ['x\u202e', 'z'], ['two others']]);
    const { prompts } = await loadSamples(dir, last, first);
    assert.deepEqual(prompts[0]?.draws.map(({ pieces }) => pieces), [
      { older: ['col', 'our'], newer: ['col', 'or'] }, { older: ['x\\u{202e}', 'y'], newer: ['x\\u{202e}', 'z'] }, undefined,
    ]);
  });
});
