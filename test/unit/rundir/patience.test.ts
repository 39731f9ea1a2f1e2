import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { Patience } from '../../../src/rundir/patience';

describe('looks at places that may not answer', () => {
  it('wait for none longer than they must, ask none twice at once, and tell what came late', async () => {
    const late: string[] = [];
    const patience = new Patience<string>(30, (place) => late.push(place));
    let asked = 0;
    let answer: (text: string) => void = () => undefined;
    const hung = (): Promise<string> => {
      asked++;
      return new Promise((resolve) => (answer = resolve));
    };
    const began = performance.now();
    const answers = await Promise.all([patience.ask('hung', hung), patience.ask('well', () => Promise.resolve('here'))]);
    assert.deepEqual(answers, [undefined, 'here']);
    assert.ok(performance.now() - began < 1000);
    assert.equal(await patience.ask('hung', hung), undefined);
    assert.equal(asked, 1, 'it is not asked again while it owes an answer');
    answer('back');
    await sleep(0);
    assert.deepEqual(late, ['hung']);
    assert.equal(await patience.ask('hung', () => Promise.resolve('again')), 'again');
    await assert.rejects(patience.ask('ill', () => Promise.reject(new Error('ill'))), /ill/);
  });
});
