import assert from 'node:assert/strict';
import { truncateSync } from 'node:fs';
import type { Sample } from '../../../src/contract/generated';
import { readSides } from '../../../src/editor/travel/sides';
import { RunDir } from '../../../src/rundir/layout';
import { sampledCheckpoints } from '../../../src/rundir/samples';
import { temporaryFolder } from '../../harness/paths';
import { checkpointName, writeRun } from '../../host/runFolder';

describe('the sides of time travel', () => {
  it('are all that can be read: a file that cannot is left out and named', async () => {
    const answers = { 5: { distill: 'D' }, 10: { distill: 'D IH' }, 15: { distill: 'D IH S' } };
    const dir = writeRun(temporaryFolder('travel'), { id: '20260101-000000-t', name: 't', state: 'finished', step: 15, total: 15, answers });
    // Beyond any size that samples have; holes take no room on the disk.
    truncateSync(new RunDir(dir).samplesOf(checkpointName(10)), 300 << 20);
    const sides = new Map<string, readonly Sample[]>();
    const unread = await readSides(dir, await sampledCheckpoints(dir), sides);
    assert.deepEqual([...sides.keys()], [checkpointName(5), checkpointName(15)]);
    assert.equal(unread.length, 1);
    assert.match(unread[0] ?? '', /^The samples of step 10 cannot be read \(.+\)\.$/);
  });
});
