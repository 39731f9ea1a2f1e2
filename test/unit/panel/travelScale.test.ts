import assert from 'node:assert/strict';
import { LEAST_SHARE, scaleOf } from '../../../webview/travel/scale';

/** Where in the height a value stands, in percent. */
function heights(values: readonly number[], least: number): number[] {
  const [low, high] = scaleOf(values, least);
  return values.map((value) => Math.round((100 * (value - low)) / (high - low)));
}

describe('the height of a line over time', () => {
  it('is filled by what changed much, and not by 0.2 points', () => {
    assert.deepEqual(heights([0.2, 0.5, 0.8], LEAST_SHARE), [0, 50, 100]);
    assert.deepEqual(heights([0.899, 0.901], LEAST_SHARE), [49, 51]);
    assert.deepEqual(heights([3.1, 0.17, 0.2], 0), [100, 0, 1]);
  });

  it('keeps what is all right at the top and what is all wrong at the bottom', () => {
    assert.deepEqual(heights([1, 1], LEAST_SHARE), [100, 100]);
    assert.deepEqual(heights([0, 0], LEAST_SHARE), [0, 0]);
    assert.deepEqual(scaleOf([0.3, 0.3], 0), [0.3, 0.3]);
  });
});
