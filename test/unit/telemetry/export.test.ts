import assert from 'node:assert/strict';
import { csvLines, jsonLines } from '../../../src/telemetry/export';
import { Series } from '../../../src/telemetry/series';

describe('export of metrics', () => {
  const loss = new Series('loss/total');
  const kl = new Series('eval/kl_reverse');
  [1, 2, 3].forEach((step) => loss.append(step, step === 2 ? NaN : step));
  [2, 4].forEach((step) => kl.append(step, step / 10));
  const series = new Map([['loss/total', loss], ['eval/kl_reverse', kl]]);

  it('writes a row for every step at which anything was measured', () => {
    assert.deepEqual([...csvLines('r', series)], ['run,step,loss/total,eval/kl_reverse', 'r,1,1,', 'r,2,NaN,0.2', 'r,3,3,', 'r,4,,0.4']);
  });

  it('keeps a name in its cell, whatever is in it', () => {
    const odd = new Series('a,b "c"\nd');
    odd.append(1, 2);
    assert.equal([...csvLines('r', new Map([[odd.name, odd]]))].join('\n'), 'run,step,"a,b ""c""\nd"\nr,1,2');
  });

  it('writes the same as JSON lines, with strings for what is no number', () => {
    assert.deepEqual([...jsonLines('r', series)].map((line) => JSON.parse(line) as unknown), [
      { run: 'r', step: 1, 'loss/total': 1 }, { run: 'r', step: 2, 'loss/total': 'NaN', 'eval/kl_reverse': 0.2 },
      { run: 'r', step: 3, 'loss/total': 3 }, { run: 'r', step: 4, 'eval/kl_reverse': 0.4 },
    ]);
  });
});
