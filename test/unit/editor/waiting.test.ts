// What the editor waits for, and when it stops: an answer of a run, and panels that are on their way.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Arrivals } from '../../../src/editor/arrivals';
import { RunRequest } from '../../../src/editor/panel/requests';
import { awaitAnswer, sendControl } from '../../../src/rundir/control';
import { RunDir } from '../../../src/rundir/layout';
import { readRun } from '../../../src/rundir/runs';
import { temporaryFolder } from '../../harness/paths';
import { identityOf } from '../../harness/processes';
import { writeRun } from '../../host/runFolder';

const run = (state: 'running' | 'stopped'): string => writeRun(temporaryFolder('waiting'), {
  id: '20260101-000000-asked', name: 'asked', state, step: 3, total: 9,
  ...(state === 'running' ? { process: identityOf(process.pid) } : {}),
});

describe('waiting for the answer of a run', function suite() {
  this.timeout(5000);

  it('ends with the run: nothing answers any more', async () => {
    const dir = run('stopped');
    assert.equal(await awaitAnswer(dir, await sendControl(dir, 'stop', 'test')), undefined);
  });

  it('finds what was answered before the end', async () => {
    const dir = run('stopped');
    const id = await sendControl(dir, 'stop', 'test');
    writeFileSync(path.join(new RunDir(dir).controlDone, `${id}.json`), JSON.stringify({ v: 1, id, verb: 'stop', outcome: 'done', text: 'Stopped.', t: 1 }));
    assert.equal((await awaitAnswer(dir, id))?.text, 'Stopped.');
  });

  it('ends when nobody waits any more, while the run goes on', async () => {
    const dir = run('running');
    assert.ok((await readRun(dir)).active);
    const abort = new AbortController();
    assert.equal(await awaitAnswer(dir, 'none', { signal: abort.signal, onLook: () => abort.abort() }), undefined);
  });

  it('is told in the panel: a run that ended first will not answer', async () => {
    const dir = run('stopped');
    let changes = 0;
    const request = new RunRequest(dir, 'pause', () => Promise.resolve(), () => changes++);
    await request.run();
    assert.deepEqual(request.note(await readRun(dir), Date.now() / 1000), { state: 'refused', text: 'The run ended before it answered.' });
    assert.equal(changes, 1);
  });
});

describe('panels on their way', () => {
  it('are one for a run, however many ask at the same time, also when the first could not come', async () => {
    const arrivals = new Arrivals();
    const shown = new Set<string>();
    const made: string[] = [];
    const open = (dir: string, fails = false): Promise<void> => arrivals.bringUnless(() => shown.has(dir), dir, async () => {
      await sleep(5);
      if (fails) throw new Error('unreadable');
      made.push(dir);
      shown.add(dir);
    });
    const outcomes = await Promise.allSettled([open('a', true), open('a'), open('a'), open('b')]);
    assert.deepEqual(outcomes.map(({ status }) => status), ['rejected', 'fulfilled', 'fulfilled', 'fulfilled']);
    assert.deepEqual(made.sort(), ['a', 'b']);
    assert.ok(!arrivals.has('a') && !arrivals.has('b'));
  });
});
