import assert from 'node:assert/strict';
import path from 'node:path';
import type { Sample } from '../../../src/contract/generated';
import { readSides } from '../../../src/editor/travel/sides';
import { buildTravel } from '../../../src/editor/travel/state';
import { readMomentPieces } from '../../../src/rundir/pairPieces';
import { sampledCheckpoints } from '../../../src/rundir/samples';
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
});
