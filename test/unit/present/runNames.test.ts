import assert from 'node:assert/strict';
import { tellApart } from '../../../src/present/runNames';

describe('names of runs', () => {
  it('have the time behind them where several are alike, and the whole id where that is alike as well', () => {
    const ids = ['20261124-120000-r', '20261124-120000-r-2', '20261124-130000-r', '20261124-120000-s'];
    assert.deepEqual(tellApart(ids.map((id, i) => ({ id, name: i === 3 ? 's' : 'r' }))), [
      'r 20261124-120000-r', 'r 20261124-120000-r-2', 'r 20261124-130000', 's',
    ]);
    assert.deepEqual(tellApart(ids.slice(0, 1).map((id) => ({ id, name: 'r' }))), ['r']);
  });
});
