import assert from 'node:assert/strict';
import { mock } from 'node:test';
import { type OverlaySource, RunFeed } from '../../../src/editor/panel/feed';
import { type Columns, lineKey } from '../../../src/protocol/columns';
import { DEFAULT_SETTINGS, foldFeed, type DeltaMessage, type Header, type PageState, type SnapshotMessage } from '../../../src/protocol/runPanel';
import { History } from '../../../src/telemetry/history';
import { Series } from '../../../src/telemetry/series';
import { seededRandom } from '../random';

const header = (): Header => ({
  id: '20261124-120000-r', name: 'r', state: 'running', text: '', active: true, step: 0, total: 100, phases: [], timeLeft: null, elapsed: null,
  activity: null, cause: null, facts: [], actions: [], request: null, notices: [], events: 0,
});

class Trainer {
  readonly history = new History();
  private seq = 0;
  event(kind: string, fields: Record<string, unknown>): void {
    this.history.appendLine(JSON.stringify({ v: 1, seq: this.seq, t: 1000 + this.seq++, attempt: 1, kind, ...fields }));
  }
  step(step: number, metrics: Record<string, unknown>): void {
    this.event('step', { step, phase: 0, metrics });
  }
}

/** What crosses to the page: structured clones, of which the buffer arrives as bytes. */
const cross = <T>(message: T): T => structuredClone(message);

function fold(state: PageState | undefined, message: SnapshotMessage | DeltaMessage): PageState {
  const folded = foldFeed(state, cross(message));
  assert.equal(folded.kind, 'state');
  return (folded as { state: PageState }).state;
}

const plain = (columns: Columns): unknown => ({
  ...columns,
  ...Object.fromEntries((['steps', 'low', 'high', 'mean', 'smooth', 'notPositive', 'bad'] as const).map((field) => [field, Array.from(columns[field])])),
  discarded: { steps: Array.from(columns.discarded.steps), values: Array.from(columns.discarded.values), points: columns.discarded.points },
});

function picture(state: PageState): unknown {
  const series = [...state.series.values()].sort((a, b) => a.metric.localeCompare(b.metric)).map(plain);
  return { ...state, generation: 0, seq: 0, series };
}

describe('the feed of a run panel', () => {
  it('brings a page by deltas to the very picture that a fresh page gets, through growth, zoom, NaN and a resumed attempt', () => {
    const random = seededRandom(5);
    const trainer = new Trainer();
    const feed = new RunFeed(() => trainer.history, header);
    const viewports = [null, [20, 60], [1, 1000]] as const;
    let state = fold(undefined, feed.snapshot(DEFAULT_SETTINGS));
    let step = 0;
    for (let round = 0; round < 60; round++) {
      const range = viewports[round % 7 === 6 ? 1 : round % 11 === 10 ? 2 : 0] ?? null;
      const viewport = { metrics: ['loss/total', 'kl/reverse', 'eval/kl_reverse', 'none/such'].slice(0, 2 + (round % 3)), columns: 40, smoothing: round % 5 === 0 ? 0 : 0.7, range };
      feed.look(viewport);
      for (let n = 0; n < 1 + Math.floor(20 * random()); n++) trainer.step(++step, { 'loss/total': random() < 0.05 ? 'NaN' : random(), ...(step % 4 === 0 ? { 'kl/reverse': random() } : {}) });
      if (round % 10 === 9) {
        step = Math.max(1, step - 15);
        trainer.event('resume', { step, checkpoint: 'step-00000001-a1' });
      }
      if (round % 6 === 5) trainer.event('evaluation', { step, checkpoint: `step-${String(step).padStart(8, '0')}-a1`, subject: 'student', full: false, rows: 10, temperature: 1, metrics: { 'eval/kl_reverse': random() }, path: 'e.json' });
      const delta = feed.delta();
      assert.ok(delta);
      state = fold(state, delta);
      const other = new RunFeed(() => trainer.history, header);
      other.look(viewport);
      assert.deepEqual(picture(state), picture(fold(undefined, other.snapshot(DEFAULT_SETTINGS))));
    }
    assert.ok(trainer.history.series.get('loss/total')!.discarded.length > 0, 'the resumed attempts left a branch');
  });

  it('lays other runs over the charts, follows them, and takes them away again', () => {
    const [mine, other] = [new Trainer(), new Trainer()];
    const id = '20261124-130000-other';
    let overlays: OverlaySource[] = [];
    const feed = new RunFeed(() => mine.history, header, () => overlays);
    feed.look({ metrics: ['loss/total', 'kl/reverse'], columns: 40, smoothing: 0.5, range: null });
    mine.step(1, { 'loss/total': 1 });
    let state = fold(undefined, feed.snapshot(DEFAULT_SETTINGS));
    assert.deepEqual([state.overlays, state.inventory.metrics], [[], ['loss/total']]);

    other.event('phase', { index: 0, method: 'gkd', firstStep: 1, steps: 100 });
    for (let step = 1; step <= 100; step++) other.step(step, { 'loss/total': 2, 'kl/reverse': 3 });
    other.event('resume', { step: 90, checkpoint: 'step-00000090-a1' });
    overlays = [{ id, name: 'other', state: 'running', problem: null, differs: ['another teacher'], offset: 0, history: other.history }];
    state = fold(state, feed.delta()!);
    assert.deepEqual(state.overlays, [{ id, name: 'other', state: 'running', problem: null, differs: ['another teacher'], offset: 0, phases: [{ index: 0, step: 1, method: 'gkd' }], range: [1, 90] }]);
    assert.deepEqual([state.inventory.metrics, state.inventory.range], [['kl/reverse', 'loss/total'], [1, 1]]);
    const its = state.series.get(lineKey('loss/total', id))!;
    assert.deepEqual([its.metric, its.points, its.last, its.discarded.points], ['loss/total', 90, 2, 0]);
    assert.equal(state.series.get('loss/total')!.last, 1, 'one\'s own is what it was');

    const thin = Reflect.get<Series, 'thin'>(Series.prototype, 'thin');
    let thinned = 0;
    mock.method(Series.prototype, 'thin', function count(this: Series, ...range: Parameters<Series['thin']>) {
      thinned++;
      return thin.apply(this, range);
    });
    mine.step(2, { 'loss/total': 1 });
    assert.equal(feed.delta()?.series.parts.length, 1);
    mock.restoreAll();
    assert.equal(thinned, 1, 'what is new of one run makes no work of the others');
    state = fold(undefined, feed.snapshot(DEFAULT_SETTINGS));

    const before = state.series.get('loss/total');
    other.step(91, { 'loss/total': 7 });
    state = fold(state, feed.delta()!);
    assert.equal(state.series.get(lineKey('loss/total', id))!.last, 7);
    assert.equal(state.series.get('loss/total'), before);
    assert.equal(feed.delta(), undefined);

    overlays = [];
    state = fold(state, feed.delta()!);
    assert.deepEqual([state.overlays, [...state.series.keys()], state.inventory.metrics], [[], ['loss/total'], ['loss/total']]);
  });

  it('sets a fork off to where it left the run, and the run to where its fork began', () => {
    const [run, fork] = [new Trainer(), new Trainer()];
    run.event('phase', { index: 0, method: 'sft', firstStep: 1, steps: 100 });
    fork.event('phase', { index: 0, method: 'gkd', firstStep: 1, steps: 20 });
    for (let step = 1; step <= 100; step++) run.step(step, { 'loss/total': step });
    for (let step = 1; step <= 20; step++) fork.step(step, { 'loss/total': 1000 + step });
    const id = '20261124-130000-other';
    const beside = (own: Trainer, { history }: Trainer, offset: number, range: [number, number] | null): PageState => {
      const feed = new RunFeed(() => own.history, header, () => [{ id, name: 'other', state: 'finished', problem: null, differs: [], offset, history }]);
      feed.look({ metrics: ['loss/total'], columns: 200, smoothing: 0, range });
      return fold(undefined, feed.snapshot(DEFAULT_SETTINGS));
    };
    const its = ({ series }: PageState): Columns => series.get(lineKey('loss/total', id))!;

    const forked = beside(run, fork, 60, null);
    const { steps, mean, spans } = its(forked);
    assert.deepEqual([steps[0], steps[19], mean[0], spans], [61, 80, 1001, [{ phase: 0, from: 61, to: 80 }]]);
    assert.deepEqual([forked.overlays[0]?.range, forked.overlays[0]?.phases], [[61, 80], [{ index: 0, step: 61, method: 'gkd' }]]);
    assert.deepEqual(Array.from(its(beside(run, fork, 60, [65, 66])).steps), [61, 62, 63, 64, 65, 66, 67, 68, 69, 70, 71], 'a zoom is of the page\'s axis');
    const parent = beside(fork, run, -60, null);
    assert.deepEqual([its(parent).mean[60], its(parent).steps[60], parent.overlays[0]?.range], [61, 1, [0, 40]]);
  });

  it('sends the columns that changed, not the history', () => {
    const trainer = new Trainer();
    const feed = new RunFeed(() => trainer.history, header);
    feed.look({ metrics: ['loss/total'], columns: 512, smoothing: 0.6, range: null });
    for (let step = 1; step <= 50_000; step++) trainer.step(step, { 'loss/total': 1 / step });
    assert.ok(feed.snapshot(DEFAULT_SETTINGS).series.buffer.byteLength > 10_000);
    trainer.step(50_001, { 'loss/total': 0 });
    const delta = feed.delta();
    assert.ok(delta && delta.series.buffer.byteLength <= 2 * 7 * 8, `${delta?.series.buffer.byteLength} bytes for one point`);
    assert.equal(feed.delta(), undefined, 'nothing new, no message');
  });

  it('lets the page keep the same objects for what did not change', () => {
    const trainer = new Trainer();
    const feed = new RunFeed(() => trainer.history, header);
    feed.look({ metrics: ['loss/total', 'grad/norm'], columns: 100, smoothing: 0, range: null });
    trainer.step(1, { 'loss/total': 1, 'grad/norm': 1 });
    const before = fold(undefined, feed.snapshot(DEFAULT_SETTINGS));
    trainer.step(2, { 'loss/total': 2 });
    const after = fold(before, feed.delta()!);
    assert.equal(after.series.get('grad/norm'), before.series.get('grad/norm'));
    assert.notEqual(after.series.get('loss/total'), before.series.get('loss/total'));
    assert.equal(after.results, before.results);
  });

  it('smooths what it sends, and scores not at all', () => {
    const trainer = new Trainer();
    const feed = new RunFeed(() => trainer.history, header);
    feed.look({ metrics: ['loss/total', 'eval/kl_reverse'], columns: 16, smoothing: 0.9, range: null });
    for (let step = 1; step <= 400; step++) trainer.step(step, { 'loss/total': step % 2, 'eval/kl_reverse': step % 2 });
    const { series } = fold(undefined, feed.snapshot(DEFAULT_SETTINGS));
    const loss = series.get('loss/total')!;
    assert.deepEqual([loss.low[5], loss.high[5], loss.aggregated], [0, 1, 32]);
    assert.ok(Math.abs((loss.smooth[5] ?? 0) - 0.5) < 0.05);
    assert.equal(loss.smooth.length, loss.mean.length);
    const score = series.get('eval/kl_reverse')!;
    assert.deepEqual(Array.from(score.smooth), Array.from(score.mean));
  });

  it('smooths what is the same alike, also where one line is shorter and less thinned', () => {
    const trainer = new Trainer();
    const feed = new RunFeed(() => trainer.history, header);
    const random = seededRandom(9);
    feed.look({ metrics: ['loss/total', 'loss/sft'], columns: 100, smoothing: 0.9, range: null });
    for (let step = 1; step <= 400; step++) {
      const loss = 3 - step / 200 + random();
      trainer.step(step, { 'loss/total': loss, ...(step <= 96 ? { 'loss/sft': loss } : {}) });
    }
    const { series } = fold(undefined, feed.snapshot(DEFAULT_SETTINGS));
    const [total, labels] = [series.get('loss/total')!, series.get('loss/sft')!];
    assert.deepEqual([total.aggregated, labels.aggregated], [4, 1]);
    for (let i = 0; i < 24; i++) assert.ok(Math.abs((total.smooth[i] ?? 0) - (labels.smooth[4 * i + 3] ?? 0)) < 0.05, `column ${i}`);
  });

  it('gives each point the phase that its event carries: averages begin anew there, and the page knows where a metric ended', () => {
    const trainer = new Trainer();
    const feed = new RunFeed(() => trainer.history, header);
    feed.look({ metrics: ['loss/sft', 'kl/reverse', 'eval/kl_reverse'], columns: 100, smoothing: 0.9, range: null });
    trainer.event('phase', { index: 0, method: 'gkd', firstStep: 1, steps: 4 });
    for (let step = 1; step <= 4; step++) {
      trainer.event('rollout', { step: step - 1, phase: 0, round: step, metrics: { 'kl/reverse': 8 } });
      trainer.step(step, { 'loss/sft': 1 });
    }
    trainer.event('evaluation', { step: 4, checkpoint: 'step-00000004-a1', subject: 'student', full: false, rows: 1, temperature: 1, metrics: { 'eval/kl_reverse': 3 }, path: 'e.json' });
    let state = fold(undefined, feed.snapshot(DEFAULT_SETTINGS));
    trainer.event('phase', { index: 1, method: 'minillm', firstStep: 5, steps: 4 });
    trainer.event('rollout', { step: 4, phase: 1, round: 0, metrics: { 'kl/reverse': 1 } });
    state = fold(state, feed.delta()!);
    assert.deepEqual(Array.from(state.series.get('kl/reverse')!.smooth), [8, 8, 8, 8, 1], 'the first rollout of a phase stands before its first step');
    assert.deepEqual(state.series.get('kl/reverse')!.spans, [{ phase: 0, from: 0, to: 3 }, { phase: 1, from: 4, to: 4 }]);
    assert.deepEqual(state.series.get('loss/sft')!.spans, [{ phase: 0, from: 1, to: 4 }]);
    assert.deepEqual(state.marks.phases, [{ index: 0, step: 1, method: 'gkd' }, { index: 1, step: 5, method: 'minillm' }]);
    trainer.event('resume', { step: 3, checkpoint: 'step-00000003-a1' });
    state = fold(state, feed.delta()!);
    assert.deepEqual(state.series.get('kl/reverse')!.spans, [{ phase: 0, from: 0, to: 3 }]);
  });

  it('sends some of a long discarded branch, and how many points it has', () => {
    const trainer = new Trainer();
    const feed = new RunFeed(() => trainer.history, header);
    feed.look({ metrics: ['loss/total'], columns: 100, smoothing: 0, range: null });
    for (let step = 1; step <= 4500; step++) trainer.step(step, { 'loss/total': step });
    trainer.history.series.get('loss/total')!.discardFrom(1);
    const state = fold(undefined, feed.snapshot(DEFAULT_SETTINGS));
    const { steps, points } = state.series.get('loss/total')!.discarded;
    assert.deepEqual([steps.length, points], [1500, 4500]);
    trainer.step(1, { 'loss/total': 1 });
    trainer.history.series.get('loss/total')!.discardFrom(1);
    assert.equal(fold(state, feed.delta()!).series.get('loss/total')!.discarded.points, 4501);
  });

  it('makes a page ask for a picture when a message is missing, and pass over one that is old or of another time', () => {
    const trainer = new Trainer();
    const feed = new RunFeed(() => trainer.history, header);
    feed.look({ metrics: ['loss/total'], columns: 100, smoothing: 0, range: null });
    assert.equal(foldFeed(undefined, { type: 'delta', generation: 1, seq: 1, series: { parts: [], dropped: [], buffer: new ArrayBuffer(0) } }).kind, 'resync');
    const first = feed.snapshot(DEFAULT_SETTINGS);
    let state = fold(undefined, first);
    trainer.step(1, { 'loss/total': 1 });
    const one = feed.delta()!;
    trainer.step(2, { 'loss/total': 2 });
    const two = feed.delta()!;
    assert.equal(foldFeed(state, two).kind, 'resync');
    state = fold(state, one);
    assert.equal(foldFeed(state, one).kind, 'ignored');
    const fresh = feed.snapshot(DEFAULT_SETTINGS);
    assert.ok(fresh.generation > first.generation);
    const later = fold(state, fresh);
    assert.equal(foldFeed(later, two).kind, 'ignored', 'a delta that was under way when the picture was taken');
    assert.equal(foldFeed(later, first).kind, 'ignored');
  });

  it('sends buffers that a webview takes as bytes', () => {
    const trainer = new Trainer();
    trainer.step(1, { 'loss/total': 1 });
    const feed = new RunFeed(() => trainer.history, header);
    feed.look({ metrics: ['loss/total'], columns: 100, smoothing: 0, range: null });
    assert.equal(Object.prototype.toString.call(feed.snapshot(DEFAULT_SETTINGS).series.buffer), '[object ArrayBuffer]');
  });
});
