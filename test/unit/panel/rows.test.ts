import assert from 'node:assert/strict';
import { RowHeights, runsOf } from '../../../webview/parts/rows';

describe('rows of a long list', () => {
  const keys = Array.from({ length: 100 }, (_, row) => `row ${row}`);

  it('are drawn where they meet the window, by measured heights and a guess for the rest', () => {
    const heights = new RowHeights(10);
    for (const key of keys.slice(0, 10)) heights.measured(key, 40);
    assert.deepEqual(heights.range(keys, 0, 100), [0, 1]);
    assert.deepEqual(heights.range(keys, 1000, 1101), [20, 22], 'what was never drawn is taken to be as high as the others');
    assert.deepEqual(heights.range(keys, -500, -100), [0, 0]);
    assert.deepEqual(heights.range(keys, 1e6, 2e6), [99, 99]);
    assert.equal(heights.stretch(keys, 0, 100), 100 * 50 - 10);
    heights.measured(keys[0]!, 440);
    assert.equal(heights.stretch(keys, 0, 10), 10 * 50 + 400 - 10);
    heights.forget();
    assert.equal(heights.of(keys[0]!), 140);
  });

  it('are drawn in runs, the ones that are held apart', () => {
    assert.deepEqual(runsOf([7, 3, 4, 5, 4, 90]), [[3, 5], [7, 7], [90, 90]]);
    assert.deepEqual(runsOf([]), []);
  });
});
