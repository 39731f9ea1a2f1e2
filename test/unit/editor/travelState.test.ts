import assert from 'node:assert/strict';
import path from 'node:path';
import type { Sample } from '../../../src/contract/generated';
import { readSides } from '../../../src/editor/travel/sides';
import { buildTravel } from '../../../src/editor/travel/state';
import { readMomentPieces } from '../../../src/rundir/pairPieces';
import { readSamples, sampledCheckpoints } from '../../../src/rundir/samples';
import { diffText } from '../../../src/samples/diff';
import { travelOf } from '../../../src/samples/travel';
import { temporaryFolder } from '../../harness/paths';
import { checkpointName } from '../../host/runFolder';
import { writeSamples } from '../tokenRun';

describe('what time travel shows', () => {
  it('brings tokens along between two answers to which words are no unit, as the panel does', async () => {
    const dir = path.join(temporaryFolder('travel'), '20260101-000000-t');
    writeSamples(dir, checkpointName(10), [['col', 'our\u202e']]);
    writeSamples(dir, checkpointName(20), [['col', 'or']]);
    writeSamples(dir, checkpointName(30), [['col', 'or']]);
    writeSamples(dir, checkpointName(40), [['two', ' words', ' here']]);
    const [sides, pieces] = [new Map<string, readonly Sample[]>(), new Map<Sample, readonly string[]>()];
    await readSides(dir, await sampledCheckpoints(dir), sides);
    await readMomentPieces(dir, travelOf(sides, 'p', 0)?.moments ?? [], pieces);
    const { moments } = buildTravel({ run: 't', active: false, rows: [], sides, pieces }, 'p', 0);
    assert.deepEqual(moments.map((moment) => moment.pieces), [['col', 'our\\u{202e}'], ['col', 'or'], undefined, undefined]);
    const [older, newer] = moments;
    assert.ok(older?.pieces && newer?.pieces);
    assert.equal(diffText(older.text, newer.text, { older: older.pieces, newer: newer.pieces }).unit, 'token');
    assert.equal(diffText(older.text, newer.text).unit, 'character');
  });

  it('calls prompts by their words where rows are only numbered, in the list as in the heading', async () => {
    const sample = { ...(await sampleOf('answer')), promptId: '17' };
    const [asked, other] = [{ ...sample, prompt: 'Head.\n\nWhy?' }, { ...sample, promptId: 'validation:2', prompt: 'Head.\n\nHow?' }];
    const facts = { run: 't', active: false, rows: [], sides: new Map([[checkpointName(10), [asked, other]]]), pieces: new Map() };
    const { label, prompts } = buildTravel(facts, '17', 0);
    assert.equal(label, 'Why?');
    assert.deepEqual(prompts, [{ id: '17', label: 'Why?' }, { id: 'validation:2', label: 'How?' }]);
    assert.equal(buildTravel(facts, '99', 0).label, '99');
  });
});

async function sampleOf(text: string): Promise<Sample> {
  const dir = path.join(temporaryFolder('travel'), '20260101-000000-t');
  writeSamples(dir, checkpointName(10), [[text]]);
  const [sample] = await readSamples(dir, checkpointName(10));
  assert.ok(sample);
  return sample;
}
