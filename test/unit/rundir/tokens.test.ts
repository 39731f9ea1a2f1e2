import assert from 'node:assert/strict';
import { appendFileSync, cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { readSamples } from '../../../src/rundir/samples';
import { hasTokens, NoTokens, readPieces, readTokenIndex, readTokens } from '../../../src/rundir/tokens';
import { repo, temporaryFolder } from '../../harness/paths';

const recorded = path.join(repo, 'test', 'fixtures', 'runs', '20261124-232620-pronounce');
const last = 'step-00001700-a1';

describe('token detail on disk', () => {
  it('is read line by line, and is that of the samples', async () => {
    for (const checkpoint of [last, 'teacher']) {
      const { lines } = await readTokenIndex(recorded, checkpoint);
      const samples = await readSamples(recorded, checkpoint);
      assert.equal(lines.filter(({ kind }) => kind === 'draw').length, samples.length);
      for (const sample of samples) {
        const detail = await readTokens(recorded, checkpoint, { promptId: sample.promptId, kind: 'draw', draw: sample.draw });
        assert.deepEqual(detail.ids, sample.ids);
        const text = detail.pieces.filter((_, place) => !detail.special.includes(place)).join('');
        assert.equal(text.trim(), sample.text.trim());
        assert.equal(detail.logpStudent === null, checkpoint === 'teacher');
      }
    }
    const reference = await readTokens(recorded, last, { promptId: 'cough', kind: 'reference', draw: 0 });
    assert.equal(reference.pieces.slice(0, 3).join(''), 'K AA F');
  });

  it('gives the pieces of samples; none where there is no detail', async () => {
    const samples = (await readSamples(recorded, last)).slice(0, 4);
    const pieces = await readPieces(recorded, last, samples);
    for (const sample of samples) assert.equal(pieces.get(sample)?.join(''), sample.text);
    assert.equal((await readPieces(recorded, 'step-00000001-a1', samples)).size, 0);
    assert.equal((await readPieces(recorded, last, [{ ...samples[0]!, text: 'something else' }])).size, 0);
  });

  it('says in a sentence why there is none', async () => {
    const dir = path.join(temporaryFolder('tokens'), path.basename(recorded));
    cpSync(recorded, dir, { recursive: true });
    const key = { promptId: 'cough', kind: 'draw', draw: 0 } as const;
    const because = (pattern: RegExp) => (error: unknown): boolean => error instanceof NoTokens && pattern.test(error.message);
    await assert.rejects(readTokens(dir, '../run', key), because(/not the name of a checkpoint/));
    await assert.rejects(readTokens(dir, last, { ...key, promptId: 'nobody' }), because(/no token detail of "nobody"/));
    const at = (end: string): string => path.join(dir, 'samples', `${last}.tokens.${end}`);
    appendFileSync(at('jsonl'), '{}\n');
    await assert.rejects(readTokens(dir, last, key), because(/being written/));
    const index = JSON.parse(readFileSync(at('index'), 'utf8')) as { bytes: number; lines: { offset: number }[] };
    writeFileSync(at('index'), JSON.stringify({ ...index, bytes: index.bytes + 3, lines: index.lines.map((line) => ({ ...line, offset: line.offset + 7 })) }));
    await assert.rejects(readTokens(dir, last, key), because(/cannot be read/));
    writeFileSync(at('index'), JSON.stringify({ v: 1, bytes: 1, lines: [{ promptId: 'cough', offset: -1 }] }));
    await assert.rejects(readTokens(dir, last, key), because(/lacks fields/));
    writeFileSync(at('index'), '{');
    await assert.rejects(readTokens(dir, last, key), because(/not JSON/));
    rmSync(at('index'));
    assert.equal(await hasTokens(dir, last), false);
    await assert.rejects(readTokens(dir, last, key), because(/keepTokens/));
  });
});
