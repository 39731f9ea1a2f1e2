import assert from 'node:assert/strict';
import type { JournalEntry } from '../../../src/contract/generated';
import { buildHeader } from '../../../src/editor/panel/header';
import { readSettings } from '../../../src/editor/panel/viewState';
import { DEFAULT_SETTINGS, type Header } from '../../../src/protocol/runPanel';
import type { RunSummary } from '../../../src/rundir/runs';
import { History } from '../../../src/telemetry/history';

const NOW = 10_000;

function summary(more: Partial<RunSummary> = {}): RunSummary {
  return {
    dir: '/runs/20261124-120000-r', id: '20261124-120000-r', name: 'r', created: NOW - 100, state: 'running', text: 'Training.', active: true,
    gone: false, forsaken: false, supervisorAlive: true, trainerAlive: true,
    run: undefined, status: undefined, exit: undefined, problem: undefined, ...more,
  };
}

function history(...events: readonly Record<string, unknown>[]): History {
  const out = new History();
  events.forEach((event, seq) => out.appendLine(JSON.stringify({ v: 1, seq, t: NOW - 50 + seq, attempt: 1, ...event })));
  return out;
}

const head = (of: RunSummary, events: History, noControl?: string): Header =>
  buildHeader({ summary: of, history: events, request: null, now: NOW, noControl });

describe('the head of a run panel', () => {
  it('tells a download as progress with its amounts', () => {
    const header = head(summary({ state: 'starting' }), history({ kind: 'progress', what: 'downloading gpt2-xl', done: 2.5e9, total: 10e9, unit: 'bytes' }));
    assert.deepEqual(header.activity, { what: 'downloading gpt2-xl', amount: '2.50 GB of 10.0 GB', share: 0.25 });
  });

  it('shows no share of what has no known end, and nothing once the run has ended', () => {
    const events = history({ kind: 'progress', what: 'loading the teacher', done: 0, total: null, unit: '' });
    assert.deepEqual(head(summary(), events).activity, { what: 'loading the teacher', amount: '', share: null });
    assert.equal(head(summary({ state: 'lost', active: false }), events).activity, null);
  });

  it('offers to resume what nobody has heard of for long, and only shows what may be at work elsewhere', () => {
    const ids = (of: RunSummary): string[] => head(of, history()).actions.filter(({ reason }) => reason === null).map(({ id }) => id);
    const elsewhere = summary({ state: 'unknown', active: false, text: 'Runs on there.' });
    assert.ok(!ids(elsewhere).includes('resume'));
    assert.ok(ids({ ...elsewhere, forsaken: true }).includes('resume'));
  });

  it('gives the cause of a failure a place of its own and says where it happened', () => {
    const cause = 'RuntimeError: out of memory';
    const events = history({ kind: 'step', step: 7, phase: 0, metrics: {} }, { kind: 'end', reason: 'failed', exitCode: 1, step: 7, cause });
    const header = head(summary({ state: 'failed', active: false, text: cause }), events);
    assert.equal(header.cause, cause);
    assert.match(header.text, /failed at step 7/);
  });

  it('says why an action cannot be done, and leaves out what never can again', () => {
    const reasons = (more: Partial<RunSummary>): Record<string, string | null> =>
      Object.fromEntries(head(summary(more), history()).actions.map(({ id, reason }) => [id, reason]));
    assert.equal(reasons({}).stop, null);
    assert.match(reasons({}).compare ?? '', /first checkpoint/);
    assert.match(reasons({ state: 'unknown', active: false, text: 'Who knows.' }).stop ?? '', /cannot be asked for anything: Who knows\./);
    assert.deepEqual(Object.keys(reasons({ state: 'stopping' })).slice(0, 1), ['kill']);
    assert.deepEqual(Object.keys(reasons({ state: 'finished', active: false })), ['fork', 'compare', 'log', 'config', 'folder']);
  });

  it('offers what fits the state', () => {
    const ids = (more: Partial<RunSummary>): string[] => head(summary(more), history()).actions.map(({ id }) => id).slice(0, 2);
    assert.deepEqual(ids({}), ['stop', 'pause']);
    assert.deepEqual(ids({ state: 'paused' }), ['stop', 'continue']);
    for (const state of ['failed', 'stopped', 'lost'] as const) assert.deepEqual(ids({ state, active: false }), ['resume', 'fork'], state);
  });

  it('offers nothing once the folder is gone', () => {
    const header = head(summary({ state: 'lost', active: false, gone: true, text: 'This run\'s folder is gone.' }), history());
    assert.deepEqual([header.text, header.actions], ['This run\'s folder is gone.', []]);
  });

  it('controls nothing from where nothing may be controlled, and says why', () => {
    const { actions } = head(summary(), history(), 'This workspace is not trusted.');
    const blocked = actions.filter(({ reason }) => reason === 'This workspace is not trusted.').map(({ id }) => id);
    assert.deepEqual(blocked, ['stop', 'pause', 'checkpoint', 'evaluate']);
    assert.equal(actions.find(({ id }) => id === 'log')?.reason, null);
  });

  it('counts down to the next harsher step of a stop, and to the next attempt', () => {
    const status = (more: object): NonNullable<RunSummary['status']> => ({ behind: [], ...more }) as unknown as NonNullable<RunSummary['status']>;
    const stopping = summary({ state: 'stopping', text: 'Stopping.', status: status({ stopDeadline: NOW + 42.2 }) });
    assert.equal(head(stopping, history()).text, 'Stopping. Harsher means in 43 s.');
    const crashed = summary({ state: 'starting', text: 'Restart 1 of 2.', status: status({ restartAt: NOW + 5 }) });
    assert.equal(head(crashed, history()).text, 'Restart 1 of 2. Next attempt in 5 s.');
    assert.equal(head(summary({ status: status({ restartAt: NOW - 5 }) }), history()).text, 'Training.');
  });

  it('counts events, missing ones and unreadable ones', () => {
    const events = history({ kind: 'message', level: 'info', text: 'a' }, { kind: 'message', level: 'warning', text: 'careful' });
    events.appendLine('{"torn');
    events.appendLine(JSON.stringify({ v: 1, seq: 4, t: NOW, attempt: 1, kind: 'message', level: 'info', text: 'b' }));
    const header = head(summary(), events);
    assert.equal(header.events, 3);
    assert.deepEqual(header.notices.map(({ text }) => text.slice(0, 12)), ['1 line of ev', '2 events are', 'careful']);
  });

  it('tells of the notes at the start in one line', () => {
    const note = { kind: 'message', level: 'warning', pointer: '/data/maxNewTokens' };
    const one = history({ ...note, text: 'Answers are cut.' }, { kind: 'message', level: 'warning', text: 'careful' });
    assert.deepEqual(head(summary(), one).notices.map(({ text }) => text), ['Answers are cut.', 'careful']);
    const three = history({ ...note, text: 'Answers are cut.' }, { ...note, text: 'b' }, { ...note, text: 'c' });
    const [only, ...more] = head(summary(), three).notices;
    assert.match(only?.text ?? '', /^Answers are cut\. \(The first of 3 notes at the start/);
    assert.deepEqual(more, []);
  });

  it('tells each guard once, whoever it spoke through, and links to the responses that show it', () => {
    const alert = { kind: 'alert', step: 9, rule: 'repetition', level: 'warning', text: 'Repeats itself.', action: 'checkpoint', numbers: {}, samples: ['a a a'] };
    const journal = [{ v: 1, seq: 0, t: NOW, attempt: 1, kind: 'alert', rule: 'diskSpace', text: 'Nearly full.', numbers: { free: 1 } }] as unknown as JournalEntry[];
    const events = history(alert, { ...alert, step: 12 });
    const { notices } = buildHeader({ summary: summary(), history: events, journal, request: null, now: NOW });
    assert.deepEqual(notices, [
      { level: 'warning', text: 'Step 12: Repeats itself. (2 times) A checkpoint was saved.', responses: true },
      { level: 'warning', text: 'Nearly full.' },
    ]);
  });

  it('shows control characters in names instead of obeying them', () => {
    assert.equal(head(summary({ name: 'r\u202egnp' }), history()).name, 'r\\u{202e}gnp');
  });
});

describe('kept settings', () => {
  it('take what is as it should be and the default for the rest', () => {
    assert.deepEqual(readSettings(undefined), DEFAULT_SETTINGS);
    assert.deepEqual(readSettings({ smoothing: 'x', zoom: [1], log: 3, hidden: ['a', 1], checkpoint: 4, sampleFilter: 'yes', sampleSearch: 7, sampleOrder: 3, ticked: 'a' }), DEFAULT_SETTINGS);
    const good = { ...DEFAULT_SETTINGS, smoothing: 0, zoom: [3, 9] as const, log: ['loss'], against: 'teacher', sampleFilter: 'improved' as const, sampleSearch: 'psych', sampleOrder: 'change' as const, ticked: ['a', 'b'] };
    assert.deepEqual(readSettings(JSON.parse(JSON.stringify(good))), good);
  });
});
