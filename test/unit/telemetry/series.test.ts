import assert from 'node:assert/strict';
import { Series } from '../../../src/telemetry/series';
import { seededRandom } from '../random';

interface Point {
  readonly step: number;
  readonly value: number;
}

/** What a column over these points must say, found by walking through them. */
function columnOf(points: readonly Point[]): { low: number; high: number; mean: number; notPositive: number; bad: number } {
  const finite = points.map(({ value }) => value).filter(Number.isFinite);
  return {
    low: finite.length > 0 ? Math.min(...finite) : NaN,
    high: finite.length > 0 ? Math.max(...finite) : NaN,
    mean: finite.length > 0 ? finite.reduce((sum, value) => sum + value, 0) / finite.length : NaN,
    notPositive: finite.filter((value) => value <= 0).length,
    bad: points.length - finite.length,
  };
}

function assertThin(series: Series, points: readonly Point[], columns: number, from: number, to: number): void {
  const thinned = series.thin(columns, from, to);
  const size = thinned.aggregated;
  const about = `columns ${columns}, from ${from} to ${to} of ${points.length} points`;
  assert.ok(thinned.steps.length <= Math.max(1, columns), `${about}: at most so many columns, not ${thinned.steps.length}`);
  assert.ok(Number.isInteger(Math.log2(size)), `${about}: size ${size} is a power of two`);
  const within = points.map((point, i) => ({ ...point, i })).filter(({ step }) => step >= from && step <= to);
  const expected = new Map<number, Point[]>();
  for (const point of within) {
    const column = Math.floor(point.i / size);
    expected.set(column, [...(expected.get(column) ?? []), point]);
  }
  assert.equal(thinned.steps.length, expected.size, `${about}: every point is in a column`);
  [...expected.values()].forEach((members, k) => {
    const { low, high, mean, notPositive, bad } = columnOf(members);
    assert.equal(thinned.steps[k], members.at(-1)!.step, about);
    assert.equal(thinned.low[k], low, about);
    assert.equal(thinned.high[k], high, about);
    assert.equal(thinned.notPositive[k], notPositive, about);
    assert.equal(thinned.bad[k], bad, about);
    assert.ok(Object.is(thinned.mean[k], mean) || Math.abs(thinned.mean[k]! - mean) < 1e-9, `${about}: mean ${thinned.mean[k]} is ${mean}`);
  });
}

describe('Series', () => {
  it('thins as a walk through all points would, whatever was appended, repeated or asked', () => {
    for (let seed = 1; seed <= 60; seed++) {
      const random = seededRandom(seed);
      const series = new Series('loss/total');
      let points: Point[] = [];
      let discarded = 0;
      let step = 0;
      for (let n = 0; n < 40 + 600 * random(); n++) {
        step += 1 + Math.floor(3 * random() ** 4);
        if (random() < 0.02) step = Math.max(0, Math.floor(step * random())); // a resumed attempt
        const value = random() < 0.03 ? [NaN, Infinity, -Infinity][Math.floor(3 * random())]! : random() - 0.5;
        const kept = points.filter((point) => point.step < step);
        // What is measured once more at the same step was never an attempt of its own.
        if (points.at(-1)?.step !== step) discarded += points.length - kept.length;
        points = [...kept, { step, value }];
        series.append(step, value);
        if (random() < 0.05) assertThin(series, points, 1 + Math.floor(50 * random()), -Infinity, Infinity);
      }
      assert.deepEqual(series.steps, points.map((point) => point.step));
      assert.equal(series.discarded.length, discarded);
      for (let query = 0; query < 20; query++) {
        const [a, b] = [Math.floor(step * random()), Math.floor(step * random())].sort((x, y) => x - y) as [number, number];
        assertThin(series, points, 1 + Math.floor(40 * random()), a, b);
      }
    }
  });

  it('changes only its last column by an append, until columns double', () => {
    const series = new Series('loss/total');
    const random = seededRandom(7);
    let before = series.thin(100);
    for (let step = 1; step <= 5000; step++) {
      series.append(step, random());
      const after = series.thin(100);
      if (after.aggregated === before.aggregated) {
        assert.deepEqual(after.mean.slice(0, before.mean.length - 1), before.mean.slice(0, -1));
      } else {
        assert.equal(after.aggregated, 2 * before.aggregated);
      }
      before = after;
    }
  });

  it('keeps every spike and says where values are not numbers', () => {
    const series = new Series('kl/reverse');
    for (let step = 1; step <= 100_000; step++) series.append(step, step === 50_021 ? 99 : step === 70_000 ? NaN : 1);
    const { high, low, bad, aggregated } = series.thin(500);
    assert.equal(Math.max(...high), 99);
    assert.equal(Math.min(...low), 1);
    assert.equal(bad.reduce((sum, n) => sum + n, 0), 1);
    assert.ok(aggregated >= 200);
  });

  it('answers in time that does not grow with its points', () => {
    const time = (count: number): number => {
      const series = new Series('loss/total');
      for (let step = 1; step <= count; step++) series.append(step, step % 17);
      const start = performance.now();
      for (let i = 0; i < 50; i++) series.thin(1000, i, count - i);
      return performance.now() - start;
    };
    time(100_000); // warm up
    const [small, large] = [time(20_000), time(1_000_000)];
    assert.ok(large < 10 * small + 20, `fifty times the points took ${large.toFixed(1)} ms against ${small.toFixed(1)} ms`);
  });

  it('keeps the discarded branch in the order in which it came', () => {
    const series = new Series('loss/total');
    for (const step of [1, 2, 3, 4]) series.append(step, step / 10);
    series.discardFrom(3);
    series.append(3, 9);
    assert.deepEqual(series.discarded, [{ step: 3, value: 0.3 }, { step: 4, value: 0.4 }]);
    assert.deepEqual(series.values, [0.1, 0.2, 9]);
    series.append(3, 8);
    assert.deepEqual(series.values, [0.1, 0.2, 8]);
    assert.equal(series.discarded.length, 2);
  });

  it('chooses from a long discarded branch once, until it grows', () => {
    const series = new Series('loss/total');
    for (let step = 1; step <= 10; step++) series.append(step, step);
    series.discardFrom(2);
    const some = series.branch(3);
    assert.deepEqual(some, { steps: [2, 5, 8], values: [2, 5, 8] });
    series.append(2, 0);
    assert.equal(series.branch(3), some);
    series.discardFrom(2);
    assert.deepEqual(series.branch(3).steps, [2, 6, 10]);
  });
});
