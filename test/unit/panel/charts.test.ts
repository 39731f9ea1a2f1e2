import assert from 'node:assert/strict';
import { metricCatalogue } from '../../../src/contract/generated';
import type { Columns } from '../../../src/protocol/columns';
import { Series } from '../../../src/telemetry/series';
import { pointsWithin, smooth } from '../../../src/telemetry/smooth';
import { align, BELOW, columnAt } from '../../../webview/charts/align';
import { chartsFor } from '../../../webview/charts/catalogue';
import { tableRows } from '../../../webview/charts/chartTable';
import { type Course, isDotted, linesOf, type Measured, measured } from '../../../webview/charts/lines';
import { crossRows } from '../../../webview/charts/marks';
import { marksNear, reachOf } from '../../../webview/charts/nearby';
import { readAt, readNow } from '../../../webview/charts/reading';
import { type Spike, spikesOf } from '../../../webview/charts/spikes';
import { branchNote, chartNotes, cursorNotes, describeChart, describeStep, smoothedOver, tickText } from '../../../webview/charts/words';
import { clampZoom, zoomWithin } from '../../../webview/charts/zoom';
import { seededRandom } from '../random';

function columns(metric: string, points: readonly (readonly [step: number, value: number])[], more: Partial<Columns> = {}): Columns {
  const steps = points.map(([step]) => step);
  const values = points.map(([, value]) => value);
  const notPositive = values.map((value) => (value <= 0 ? 1 : 0));
  const bad = values.map((value) => (Number.isFinite(value) ? 0 : 1));
  return {
    metric, steps, low: values, high: values, mean: values, smooth: values, notPositive, bad,
    aggregated: 1, points: points.length, last: values.at(-1) ?? NaN,
    spans: steps.length > 0 ? [{ phase: 0, from: steps[0]!, to: steps.at(-1)! }] : [],
    discarded: { steps: [], values: [], points: 0 }, ...more,
  };
}

const course = (phases: Course['phases'] = [], more: Partial<Course> = {}): Course => ({ id: undefined, name: 'mine', phases, end: Infinity, ...more });

/** What one run measured, as charts tell of it. */
const told = (series: readonly Columns[], phases: Course['phases'] = []): Measured[] =>
  series.map((one) => measured({ key: one.metric, metric: one.metric, run: 0, color: 0, dash: 0 }, one, [course(phases)]));

describe('charts', () => {
  it('give every metric a place exactly once, also one that no chart knows', () => {
    const names = [...Object.keys(metricCatalogue), 'custom/heat'];
    const placed = chartsFor(names).flatMap(({ charts }) => charts.flatMap(({ metrics }) => metrics));
    assert.deepEqual([...placed].sort(), [...names].sort());
    assert.deepEqual(chartsFor(['loss/sft']).map(({ charts }) => charts.map(({ id }) => id)), [['loss']]);
    assert.deepEqual(chartsFor([]), []);
  });

  it('show the objective of every method among the losses, those that a run has, and whose responses it learns from', () => {
    const chartOf = (metrics: readonly string[], id: string): readonly string[] | undefined =>
      chartsFor(metrics).flatMap(({ charts }) => charts).find((chart) => chart.id === id)?.metrics;
    assert.deepEqual(chartOf(['loss/divergence', 'loss/total', 'loss/sft'], 'loss'), ['loss/total', 'loss/sft', 'loss/divergence']);
    assert.deepEqual(chartOf(['loss/policy', 'loss/total'], 'loss'), ['loss/total', 'loss/policy']);
    const distillm = ['grad/norm', 'loss/divergence', 'loss/lm', 'loss/total', 'loss/validation', 'share/adaptive', 'share/student'];
    assert.deepEqual(chartOf(distillm, 'loss'), ['loss/total', 'loss/divergence', 'loss/lm', 'loss/validation']);
    assert.deepEqual(chartOf(distillm, 'whose'), ['share/student', 'share/adaptive']);
    assert.ok(chartsFor(Object.keys(metricCatalogue)).every(({ id, charts }) => id !== 'other' || charts.every((chart) => !chart.id.startsWith('loss/'))));
  });

  it('put metrics measured at different steps on one axis: undefined where there is nothing, null where there is no number', () => {
    const data = align([columns('a', [[1, 10], [2, NaN], [3, 30]]), columns('b', [[2, 5], [4, 6]]), undefined], false, true);
    const [steps, ...rows] = data;
    assert.deepEqual(steps, [1, 2, 3, 4]);
    assert.deepEqual(rows[2], [10, null, 30, undefined]);
    assert.deepEqual(rows[7], [undefined, 5, undefined, 6]);
    assert.equal(rows.length, 15);
    // Eighteen lines of six runs have ninety rows, drawn four times a second.
    const empty = rows.filter((row) => row.every((cell) => cell === undefined));
    assert.deepEqual([empty.length, new Set(empty).size], [11, 1], 'rows without a cell cost nothing');
  });

  it('keep, on a logarithmic axis, the highest of a column whose lowest is not above 0, and count the points that it cannot show', () => {
    const data = align([columns('a', [[1, 1], [2, 0], [3, -4], [4, NaN]])], true, true);
    assert.deepEqual(data[3], [1, null, null, null]);
    const thinned = columns('a', [[64, 3], [128, -1], [192, -2]], {
      aggregated: 64, low: [-5, -7, -9], high: [900, 40, -1], notPositive: [1, 60, 64],
    });
    const [, low, high, mean] = align([thinned], true, true);
    assert.deepEqual([low, high, mean], [[BELOW, BELOW, null], [900, 40, null], [3, null, null]]);
    assert.deepEqual(chartNotes([thinned], true), ['aggregated 1:64; zoom for raw', '125 values ≤ 0 not on a logarithmic axis']);
    assert.deepEqual(chartNotes([thinned], false), ['aggregated 1:64; zoom for raw']);
  });

  it('draw what stands out among a great many points, and only that', () => {
    const series = new Series('loss/total');
    const random = seededRandom(3);
    const odd: Readonly<Record<number, number>> = { 1000: NaN, 90_501: 7, 150_002: -6 };
    for (let step = 1; step <= 200_000; step++) series.append(step, odd[step] ?? random());
    const thinned = { ...columns('loss/total', []), ...series.thin(500) };
    const { aggregated } = thinned;
    const [down, up, ...more] = spikesOf(thinned) as [Spike, Spike];
    assert.deepEqual([down.extreme, up.extreme, more], [-6, 7, []]);
    assert.ok(down.step >= 150_002 && down.step < 150_002 + aggregated && up.step >= 90_501 && up.step < 90_501 + aggregated);
    const coins = new Series('share/student');
    for (let step = 1; step <= 1000; step++) coins.append(step, random() < 0.3 ? 1 : 0);
    assert.deepEqual(spikesOf({ ...columns('share/student', []), ...coins.thin(500) }), [], 'noise is none');
    assert.deepEqual(spikesOf({ ...thinned, aggregated: 1 }), [], 'each point is drawn as it is');
  });

  it('draw a discarded branch at its own steps, in whatever order it came', () => {
    const data = align([columns('a', [[1, 1], [5, 5]], { discarded: { steps: [3, 4, 3], values: [7, 8, 9], points: 3 } })], false, true);
    assert.deepEqual(data[0], [1, 3, 4, 5]);
    assert.deepEqual(data[5], [undefined, 9, 8, undefined]);
  });

  it('find the column under the cursor', () => {
    assert.deepEqual([0, 2, 5, 6, 99].map((step) => columnAt([2, 4, 6], step)), [-1, 0, 1, 2, 2]);
  });

  it('say what they show', () => {
    const loss = columns('loss/total', Array.from({ length: 20 }, (_, i) => [i + 1, 2 - i / 10] as const));
    assert.equal(describeChart(told([loss])), 'Steps 1 to 20. loss: 20 points, last 0.100; lowest 0.100 near step 20, highest 2.00 near step 1, falling.');
    assert.equal(describeStep(told([loss, columns('rate/eos', [[10, 0.5]])]), 12), 'Step 12: loss 0.900, ended by itself 50.0 %.');
    assert.equal(describeChart(told([])), 'No points yet.');
    assert.deepEqual(chartNotes([columns('a', [[1, NaN]], { aggregated: 32 })], false), ['aggregated 1:32; zoom for raw', '1 value not a number (×)']);
  });

  it('write ticks with as many digits as neighbours differ in', () => {
    assert.deepEqual([[0.5, 0.5], [1, 0.5], [-0.05, 0.05], [0, 100], [2000, 500], [7.5, 2.5]].map(([value, gap]) => tickText('loss/total', value!, gap!)), ['0.5', '1.0', '−0.05', '0', '2000', '7.5']);
    assert.equal(tickText('rate/eos', 0.25, 0.05), '25 %');
    assert.equal(tickText('memory/peak', 2e8, 1e8), '200 MB');
    assert.equal(tickText('rate/learning', 2e-5, 1e-5), '2e−5');
  });
});

describe('what a metric reads', () => {
  const phases = [{ index: 0, step: 1, method: 'sft' }, { index: 1, step: 1801, method: 'minillm' }];
  const labels = columns('loss/sft', [[900, 2], [1800, 1]], { spans: [{ phase: 0, from: 1, to: 1800 }] });
  const kl = columns('kl/reverse_mixed', [[1800, 0.5], [1900, 0.25]], { spans: [{ phase: 1, from: 1800, to: 1900 }] });
  const score = columns('eval/kl_reverse', [[900, 4], [1800, 3], [2700, 0.479]]);
  const total = columns('loss/total', [[1700, 1], [1900, 2], [2100, 3]], { spans: [{ phase: 0, from: 1, to: 1800 }, { phase: 1, from: 1801, to: 2100 }] });

  it('is nothing in a phase that does not measure it, and now its last value with the step to which it went', () => {
    const values = [899, 900, 1800, 1801, 5000].map((step) => readAt(labels, step, course(phases))?.value);
    assert.deepEqual(values, [2, 2, 1, undefined, undefined]);
    assert.deepEqual(readNow(labels, course(phases)), { value: 1, until: 1800 });
    assert.deepEqual(readNow(labels, course(phases.slice(0, 1))), { value: 1 });
    assert.equal(describeChart(told([labels], phases)), 'Steps 900 to 1800. cross-entropy: 2 points, last 1.00 (until 1,800); lowest 1.00 near step 1800, highest 2.00 near step 900.');
  });

  it('counts a first rollout to the phase that it was sampled for', () => {
    assert.deepEqual([1799, 1800, 1801, 2500].map((step) => readAt(kl, step, course(phases))?.value), [undefined, 0.5, 0.5, 0.25]);
    assert.deepEqual(readNow(kl, course(phases)), { value: 0.25 });
  });

  it('is of one phase, also where a column stands for the end of the phase before', () => {
    assert.deepEqual([1800, 1801, 1899, 1900, 1901].map((step) => readAt(total, step, course(phases))?.value), [1, 2, 2, 2, 2]);
  });

  it('says of a score at which step it was taken', () => {
    assert.deepEqual(readAt(score, 2800, course(phases)), { value: 0.479, at: 2700 });
    assert.deepEqual(readAt(score, 2700, course(phases)), { value: 0.479, at: 2700 });
    assert.deepEqual(readAt(score, 100, course(phases)), undefined);
    assert.deepEqual(readNow(score, course(phases)), { value: 0.479, at: 2700 });
    assert.equal(describeStep(told([labels, kl, score], phases), 2800), 'Step 2800: reverse KL on mixed prefixes 0.250, reverse KL 0.479 (at 2,700).');
    assert.equal(describeStep(told([score], phases), 2700), 'Step 2700: reverse KL 0.479.', 'it is this one');
    assert.deepEqual(cursorNotes(told([score], phases), 2800), ['step 2,800', 'scores of step 2,700']);
    assert.deepEqual(cursorNotes(told([score], phases), 2700), ['step 2,700']);
    assert.deepEqual(cursorNotes(told([score, kl], phases), 2800), ['step 2,800'], 'the legend tells, of the score alone');
  });
});

describe('charts of several runs', () => {
  const courses = [course(), course([], { id: '20260101-000000-a', name: 'a', end: 40 }), course([], { id: '20260101-000000-b', name: 'b' })];

  it('have a colour for each run and dashes for metrics, of one metric for runs too; one\'s own is on top', () => {
    const two = linesOf(['loss/total', 'loss/lm'], courses);
    assert.deepEqual(two.map(({ run, metric, color, dash }) => [run, metric, color, dash]), [
      [2, 'loss/total', 2, 0], [2, 'loss/lm', 2, 1], [1, 'loss/total', 1, 0], [1, 'loss/lm', 1, 1], [0, 'loss/total', 0, 0], [0, 'loss/lm', 0, 1],
    ]);
    assert.equal(new Set(two.map(({ key }) => key)).size, 6);
    assert.deepEqual(two.filter(({ run }) => run === 0).map(({ key }) => key), ['loss/total', 'loss/lm'], 'by the names that they have alone');
    assert.deepEqual(linesOf(['grad/norm'], courses).map(({ color, dash }) => [color, dash]), [[2, 2], [1, 1], [0, 0]]);
    assert.deepEqual(linesOf(['loss/total', 'loss/lm'], [course()]).map(({ color, dash }) => [color, dash]), [[0, 0], [1, 1]]);
  });

  it('give no two lines of one chart the same look, however many metrics a run has', () => {
    const every = Object.keys(metricCatalogue);
    for (const chart of chartsFor(every).flatMap(({ charts }) => charts)) {
      const looks = linesOf(chart.metrics, [course()]).map(({ color, dash }) => `${color} ${dash}`);
      assert.equal(new Set(looks).size, looks.length, chart.id);
    }
  });

  it('say whose value it is, and nothing of a run after its end', () => {
    const shown = linesOf(['grad/norm'], courses).map((line) => measured(line, columns('grad/norm', [[10, 1 + line.run], [40, 4]]), courses)).reverse();
    assert.equal(describeStep(shown, 10), 'Step 10: gradient norm, mine 1.00, gradient norm, a 2.00, gradient norm, b 3.00.');
    assert.equal(describeStep(shown, 41), 'Step 41: gradient norm, mine 4.00, gradient norm, b 4.00.');
    assert.match(describeChart(shown), /gradient norm, a: 2 points, last 4\.00;/);
  });
});

describe('crosses', () => {
  it('have a row for each line that has some, however many lines there are, and none below the picture', () => {
    const line = (value: number): { columns: Columns } => ({ columns: columns('loss/total', [[1, value]]) });
    assert.deepEqual(crossRows([line(1), line(NaN), line(1), line(NaN)], 16), [undefined, 0, undefined, 1]);
    assert.deepEqual(crossRows(Array.from({ length: 18 }, () => line(NaN)), 16).slice(-3), [15, 0, 1]);
  });
});

describe('dots', () => {
  it('mark where a line was measured that has few columns, however many the others of its chart have', () => {
    const line = (length: number): Columns => columns('loss/total', Array.from({ length }, (_, i) => [i, 1] as const));
    assert.deepEqual([0, 1, 23, 24, 400].map((length) => isDotted(line(length))), [true, true, true, false, false]);
    assert.equal(isDotted(columns('eval/kl_reverse', Array.from({ length: 400 }, (_, i) => [i, 1] as const))), true);
    assert.equal(isDotted(undefined), false);
  });
});

describe('marks near the cursor', () => {
  const marks = {
    phases: [], checkpoints: [{ step: 600, name: 'step-00000600-a1' }, { step: 604, name: 'step-00000604-a1' }], resumes: [{ step: 600 }],
    alerts: [
      { step: 690, level: 'warning' as const, text: 'The gradient norm is 31.0.' }, { step: 694, level: 'error' as const, text: 'The loss is 2,900.' },
    ],
  };
  const texts = (step: number, reach: number): string[] => marksNear(marks, step, [step - reach, step + reach]).map(({ sign, text }) => `${sign} ${text}`);

  it('are told in words, with their step where that is another', () => {
    assert.deepEqual(texts(690, 2), ['▼ warning: The gradient norm is 31.0.']);
    assert.deepEqual(texts(688, 2), ['▼ warning at step 690: The gradient norm is 31.0.']);
    assert.deepEqual(texts(690, 4), ['▼ 2 alerts, the last at step 694: The loss is 2,900.']);
    assert.deepEqual(texts(601, 3), ['▲ checkpoint at step 600', '┊ an attempt was resumed at step 600']);
    assert.deepEqual(texts(604, 3), ['▲ checkpoint']);
    assert.deepEqual(texts(650, 3), []);
  });

  it('belong to the halt of the cursor that is next to them, so that the keyboard passes over none', () => {
    const halts = [100, 500, 580, 800];
    assert.deepEqual(halts.map((step) => reachOf(halts, step)), [[-Infinity, 300], [300, 540], [540, 690], [690, Infinity]]);
    const told = halts.map((step) => marksNear(marks, step, reachOf(halts, step)).map(({ sign }) => sign).join(''));
    assert.deepEqual(told, ['', '', '▼▲┊', '▼']);
  });
});

describe('a chart as a table', () => {
  it('tells of each point what the picture draws: mean, lowest and highest, what is no number, and what was discarded', () => {
    const plain = columns('loss/total', [[1, 0.5], [3, NaN]]);
    assert.deepEqual(tableRows([plain], true), [{ step: 3, cells: ['not a number'] }, { step: 1, cells: ['0.500'] }]);
    const thinned = columns('loss/total', [[32, 0.5], [64, 0.25]], {
      aggregated: 32, low: [0.125, -1], high: [4, 0.375], bad: [0, 2], discarded: { steps: [32, 40], values: [0.75, 1], points: 90 },
    });
    assert.deepEqual(tableRows([thinned, columns('grad/norm', [[64, 7]])], true), [
      { step: 64, cells: ['0.250 (−1.00 to 0.375) · 2 not a number', '7.00'] },
      { step: 40, cells: ['discarded 1.00', ''] },
      { step: 32, cells: ['0.500 (0.125 to 4.00) · discarded 0.750', ''] },
    ]);
  });

  it('leaves a discarded attempt out with the picture', () => {
    const resumed = columns('loss/total', [[1, 1], [5, 5]], { discarded: { steps: [3, 5], values: [7, 8], points: 2 } });
    assert.deepEqual(align([resumed], false, false)[0], [1, 5], 'nor does the cursor halt there');
    assert.deepEqual(tableRows([resumed], false), [{ step: 5, cells: ['5.00'] }, { step: 1, cells: ['1.00'] }]);
  });

  it('and its words count all points of a discarded attempt, however many were sent', () => {
    const resumed = columns('loss/total', [[1, 1], [2, 1]], { discarded: { steps: [1, 2], values: [1, 1], points: 5000 } });
    assert.equal(branchNote([resumed], true), '5,000 points of a discarded attempt (dotted)');
    assert.equal(branchNote([resumed], false), '5,000 points of a discarded attempt (hidden)');
    assert.equal(branchNote([columns('loss/total', [[1, 1]])], true), undefined);
    assert.match(describeChart(told([resumed])), /; 5,000 points of a discarded attempt\./);
  });
});

describe('zooming', () => {
  it('is over where the run that reached so far is taken out of the charts', () => {
    assert.equal(zoomWithin([5000, 9000], [1, 100]), null);
    assert.deepEqual(zoomWithin([5000, 9000], [1, 1_000_000]), [5000, 9000]);
    assert.deepEqual(zoomWithin([50, 9000], [1, 100]), [50, 9000]);
    assert.deepEqual([zoomWithin(null, [1, 100]), zoomWithin([5, 9], null)], [null, [5, 9]], 'nothing has been read yet');
  });

  it('goes no further out than there are steps, and ends in the whole run', () => {
    assert.deepEqual(clampZoom([-50, 80], [1, 100]), [1, 80]);
    assert.deepEqual(clampZoom([40, 180], [1, 100]), [40, 100]);
    assert.equal(clampZoom([-10, 120], [1, 100]), null);
    assert.equal(clampZoom([1, 100], [1, 100]), null);
    assert.deepEqual(clampZoom([20, 30], [1, 100]), [20, 30]);
    assert.equal(clampZoom([300, 400], [1, 100]), undefined, 'nothing is there');
    assert.equal(clampZoom([20, 20.5], [1, 100]), undefined, 'less than a step');
  });
});

describe('smoothing', () => {
  it('starts at the first value, follows later, and begins anew with a phase', () => {
    const series = new Series('loss/total');
    // The first rollout of a phase stands at the last step of the phase before.
    [4, 4, 0, 10, 20].forEach((value, i) => series.append(i + 1, value, i < 3 ? 0 : 1));
    const values = smooth(series, series.cut(100), 0.5, 1);
    assert.deepEqual(values.slice(0, 2), [4, 4]);
    assert.ok(Math.abs(values[2]! - 12 / 7) < 1e-12, String(values[2]));
    assert.equal(values[3], 10);
    assert.ok(Math.abs(values[4]! - 50 / 3) < 1e-12, String(values[4]));
    const [both, after] = smooth(series, { start: 0, end: 5, size: 4 }, 0.5, 4) as [number, number];
    assert.equal(both, 10, 'a column of two phases is of the later one');
    assert.ok(after > 10 && after < 20);
  });

  it('passes over what is no number, and leaves it visible', () => {
    const series = new Series('a');
    [1, NaN, 3].forEach((value, i) => series.append(i + 1, value));
    const [first, none, last] = smooth(series, series.cut(100), 0.5, 1) as [number, number, number];
    assert.deepEqual([first, none], [1, NaN]);
    assert.ok(last > 1 && last < 3);
  });

  it('looks alike however many points a column stands for: it takes as much of the noise away', () => {
    const random = seededRandom(11);
    const series = new Series('loss/total');
    for (let step = 1; step <= 256 * 400; step++) series.append(step, random());
    const spread = (values: readonly number[]): number =>
      Math.sqrt(values.reduce((sum, value) => sum + (value - 0.5) ** 2, 0) / values.length);
    for (const strength of [0.6, 0.9, 0.98]) {
      const left = [1, 16, 256].map((size) => {
        const means = Array.from({ length: 400 }, (_, i) => series.meanOf(i * size, (i + 1) * size));
        return spread(smooth(series, { start: 0, end: 400 * size, size }, strength, size).slice(200)) / spread(means.slice(200));
      });
      const expected = Math.sqrt((1 - strength) / (1 + strength));
      for (const share of left) assert.ok(share > expected / 2 && share < expected * 2, `${strength}: ${share} is about ${expected}`);
    }
  });

  it('is the same in a part of the picture as in the whole', () => {
    const random = seededRandom(12);
    const series = new Series('loss/total');
    for (let step = 1; step <= 3000; step++) series.append(step, random());
    const whole = smooth(series, { start: 0, end: 3000, size: 4 }, 0.9, 4);
    const part = smooth(series, { start: 2000, end: 3000, size: 4 }, 0.9, 4);
    assert.equal(part.length, 250);
    part.forEach((value, i) => assert.ok(Math.abs(value - whole[500 + i]!) < 0.01));
  });

  it('counts the points of a column\'s width, however long a series is, and one at least', () => {
    const every = (gap: number, points: number): Series => {
      const series = new Series('a');
      for (let i = 0; i < points; i++) series.append(1 + i * gap, 1);
      return series;
    };
    const lines = [every(1, 400), every(1, 1000), every(8, 125), every(1, 1), every(1, 0)];
    assert.deepEqual(lines.map((series) => pointsWithin(series, 2)), [2, 2, 1, 1, 1]);
    assert.equal(pointsWithin(every(1, 1000), 500), 512);
  });

  it('says over how many steps', () => {
    const dense = columns('loss/total', Array.from({ length: 101 }, (_, i) => [256 * i, 1] as const), { aggregated: 256 });
    const sparse = columns('kl/reverse', [[0, 1], [25_600, 1]]);
    assert.equal(smoothedOver([sparse, dense, columns('eval/kl_reverse', [[1, 1], [2, 1]])], 0.6), 'about 640 steps');
    assert.equal(smoothedOver([dense], 0), '');
    assert.equal(smoothedOver([], 0.6), '');
  });
});
