import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { loadSamples } from '../../../src/editor/panel/sampleView';
import { repo, temporaryFolder } from '../../harness/paths';

const recorded = path.join(repo, 'test', 'fixtures', 'runs', '20261124-232620-pronounce');
const [first, last] = ['step-00000200-a1', 'step-00001700-a1'];

/** Samples of one prompt with their tokens, as the trainer writes them. */
function write(dir: string, checkpoint: string, draws: readonly (readonly string[])[]): void {
  const samples = path.join(dir, 'samples');
  mkdirSync(samples, { recursive: true });
  const rows = draws.map((pieces, draw) => ({
    v: 1, checkpoint, step: 1, promptId: 'p', prompt: '?', draw, seed: null, ids: pieces.map((_, at) => at), text: pieces.join(''), score: { rougeL: 0.5 },
    kl: null, klSequence: null, repetition: 0, length: pieces.length, stop: 'eos', references: ['r'],
  }));
  const lines = (records: readonly object[]): string => records.map((record) => `${JSON.stringify(record)}\n`).join('');
  writeFileSync(path.join(samples, `${checkpoint}.jsonl`), lines(rows));
  const details = draws.map((pieces, draw) => lines([{
    v: 1, checkpoint, step: 1, promptId: 'p', prompt: '?', kind: 'draw', draw, ids: pieces.map((_, at) => at), pieces, special: [], top: pieces.map(() => []), names: {},
  }]));
  let offset = 0;
  const index = details.map((line, draw) => {
    const length = Buffer.byteLength(line);
    offset += length;
    return { promptId: 'p', kind: 'draw', draw, offset: offset - length, length };
  });
  writeFileSync(path.join(samples, `${checkpoint}.tokens.jsonl`), details.join(''));
  writeFileSync(path.join(samples, `${checkpoint}.tokens.index`), JSON.stringify({ v: 1, bytes: offset, lines: index }));
}

describe('samples for the panel', () => {
  it('are those of one side, with draws that came out alike as one', async () => {
    const { prompts, counts } = await loadSamples(recorded, last, null);
    assert.equal(prompts.length, 20);
    assert.equal(counts, null);
    assert.deepEqual(prompts[0]?.draws.map(({ draws }) => draws), [[0, 1]], 'both are K AW G');
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
    write(dir, first, [['col', 'our'], ['x\u202e', 'y'], ['two words']]);
    write(dir, last, [['col', 'or'], ['x\u202e', 'z'], ['two others']]);
    const { prompts } = await loadSamples(dir, last, first);
    assert.deepEqual(prompts[0]?.draws.map(({ pieces }) => pieces), [
      { older: ['col', 'our'], newer: ['col', 'or'] }, { older: ['x\\u{202e}', 'y'], newer: ['x\\u{202e}', 'z'] }, undefined,
    ]);
  });
});
