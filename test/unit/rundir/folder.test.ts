import assert from 'node:assert/strict';
import { appendFileSync, mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { listCheckpoints } from '../../../src/rundir/checkpoints';
import { awaitOutcome, sendControl } from '../../../src/rundir/control';
import { EventStream } from '../../../src/rundir/eventStream';
import { RunFollower } from '../../../src/rundir/follow';
import { readJournal } from '../../../src/rundir/journal';
import { RunDir } from '../../../src/rundir/layout';
import { followRare } from '../../../src/rundir/rareEvents';
import { readRecent } from '../../../src/rundir/recent';
import { findSide, listSides, NoSuchSide, readSide } from '../../../src/rundir/sides';
import { folderSize, sampleSizes } from '../../../src/rundir/size';
import { temporaryFolder } from '../../harness/paths';

const event = (seq: number, fields: object): string => `${JSON.stringify({ v: 1, seq, t: 1000 + seq, attempt: 1, ...fields })}\n`;
const step = (seq: number, at: number): string => event(seq, { kind: 'step', step: at, phase: 0, metrics: { 'loss/total': at } });

describe('a run\'s folder', () => {
  let at: RunDir;

  beforeEach(() => {
    at = new RunDir(path.join(temporaryFolder('folder'), '20260101-000000-x'));
    for (const folder of [at.path, at.samples, at.checkpoints, at.control, at.controlDone]) mkdirSync(folder, { recursive: true });
  });
  afterEach(() => rmSync(path.dirname(at.path), { recursive: true }));

  const putSamples = (checkpoint: string, ...texts: string[]): void =>
    writeFileSync(at.samplesOf(checkpoint), texts.map((text, draw) => `${JSON.stringify({ v: 1, promptId: 'p', prompt: '?', draw, text, references: ['r'], score: {} })}\n`).join(''));

  it('has sides to compare, by step, name, place and kind', async () => {
    assert.deepEqual(await listSides(at.path), []);
    await assert.rejects(findSide(at.path, 'last'), NoSuchSide);
    for (const name of ['step-00000100-a1', 'step-00000200-a1', 'step-00000200-a2', 'teacher']) putSamples(name, name, 'r');
    for (const name of ['step-00000300-a1.tokens', '../x', 'notes']) writeFileSync(path.join(at.samples, path.basename(`${name}.jsonl`)), '');
    assert.deepEqual((await listSides(at.path)).map(({ label }) => label), ['step 100', 'step 200 (attempt 2)', 'teacher', 'reference', 'step 200, discarded']);
    const named: readonly (readonly [string, string])[] = [
      ['first', 'step-00000100-a1'], ['last', 'step-00000200-a2'], ['100', 'step-00000100-a1'], ['200', 'step-00000200-a2'],
      ['step-00000200-a1', 'step-00000200-a1'], ['teacher', 'teacher'], ['reference', 'reference'],
    ];
    for (const [text, name] of named) assert.equal((await findSide(at.path, text)).name, name, text);
    await assert.rejects(findSide(at.path, '300'), /no samples of "300"\. Steps with samples: 100, 200/);
    assert.deepEqual((await readSide(at.path, 'reference')).map(({ text }) => text), ['r', 'r']);
    await assert.rejects(readSide(at.path, '../../etc/passwd'), /not the name of a checkpoint/);
  });

  it('leaves out lines of samples that cannot be used', async () => {
    putSamples('step-00000100-a1', 'one');
    appendFileSync(at.samplesOf('step-00000100-a1'), '{"v":1}\nnot json\n[]\n{"v":1,"promptId":7,"prompt":"","draw":0,"text":""}\n');
    assert.deepEqual((await readSide(at.path, 'step-00000100-a1')).map(({ text }) => text), ['one']);
  });

  it('holds the checkpoints that are still there', async () => {
    for (const name of ['step-00000200-a2', 'step-00000100-a1', 'step-00000200-a1', '.step-00000300-a1.part', 'teacher', 'other']) mkdirSync(at.checkpoint(name));
    writeFileSync(at.checkpoint('step-00000400-a1'), 'a file');
    const found = await listCheckpoints(at.path);
    assert.deepEqual(found.map(({ name, step: of, attempt }) => [name, of, attempt]), [
      ['step-00000100-a1', 100, 1], ['step-00000200-a1', 200, 1], ['step-00000200-a2', 200, 2],
    ]);
    rmSync(at.checkpoints, { recursive: true });
    assert.deepEqual(await listCheckpoints(at.path), []);
  });

  it('has a journal whose entries are read once, whatever lies between them', async () => {
    assert.deepEqual(await readJournal(at.path), []);
    const entry = (seq: number, text: string): string => event(seq, { kind: 'state', text });
    writeFileSync(at.journal, `${entry(0, 'a')}garbage\n${entry(0, 'again')}${entry(1, 'b')}{"v":1}\n${entry(5, 'c')}torn`);
    assert.deepEqual((await readJournal(at.path)).map(({ text }) => text), ['a', 'b', 'c']);
  });

  it('is as large as its files, without what links point to', async () => {
    writeFileSync(path.join(at.path, 'a'), 'x'.repeat(1000));
    writeFileSync(path.join(at.samples, 'b'), 'x'.repeat(500));
    symlinkSync('/usr', path.join(at.path, 'link'));
    const size = await folderSize(at.path);
    assert.ok(size >= 1500 && size < 2000, String(size));
    assert.equal(await folderSize('/nowhere'), 0);
    const checkpoint = 'step-00000200-a1';
    writeFileSync(at.samplesOf(checkpoint), 'x'.repeat(700));
    assert.deepEqual(await sampleSizes(at.path, checkpoint), { samples: 700, tokens: 0 }, 'its token detail is thinned');
    writeFileSync(at.tokensOf(checkpoint), 'x'.repeat(9000));
    assert.deepEqual(await sampleSizes(at.path, checkpoint), { samples: 700, tokens: 9000 });
  });

  it('tells its newest events without reading the old ones', async () => {
    assert.equal((await readRecent(at.path)).lastSeq, -1);
    writeFileSync(at.events, Array.from({ length: 20_000 }, (_, i) => step(i, i + 1)).join(''));
    const recent = await readRecent(at.path);
    assert.equal(recent.lastStep, 20_000);
    assert.ok((recent.series.get('loss/total')?.values.length ?? 0) < 20_000);
    appendFileSync(at.events, step(20_000, 20_001).slice(0, -5)); // the writer is in the middle of a line
    assert.equal((await readRecent(at.path)).lastStep, 20_000);
  });

  it('tells lists what they want of a long history: the newest measures, and all that is rare', async () => {
    const rare = [
      { kind: 'message', level: 'info', text: '"kind":"step"' },
      { kind: 'checkpoint', step: 900, name: 'step-00000900-a1', path: '', bytes: 1, seconds: 1, phase: 'sft' },
    ];
    const rollout = (seq: number): string => event(seq, { kind: 'rollout', step: seq, phase: 0, round: seq, metrics: { 'kl/reverse': seq } });
    const measured = (seq: number): string => (seq % 2 === 0 ? rollout(seq) : step(seq, seq + 1));
    const line = (seq: number): string => (seq % 1000 === 999 ? event(seq, rare[Math.floor(seq / 1000) % 2]!) : measured(seq));
    writeFileSync(at.events, Array.from({ length: 30_000 }, (_, seq) => line(seq)).join(''));
    const [all, wanted] = [new EventStream(at.path), followRare(at.path)];
    await Promise.all([all.read(), wanted.read()]);
    for (const what of ['checkpoints', 'messages', 'lastSeq', 'lastStep'] as const) assert.deepEqual(wanted.history[what], all.history[what], what);
    for (const metric of ['loss/total', 'kl/reverse']) {
      assert.equal(wanted.history.latest(metric), all.history.latest(metric));
      assert.ok((wanted.history.series.get(metric)?.values.length ?? 0) < 100, metric);
    }
    appendFileSync(at.events, step(30_000, 30_001) + Array.from({ length: 50 }, (_, n) => event(30_001 + n, rare[0]!)).join(''));
    assert.deepEqual(await wanted.read(), { grew: true, restarted: false });
    assert.equal(wanted.history.latest('loss/total'), 30_001);
  });

  it('takes requests whole, and gives their outcome', async () => {
    const id = await sendControl(at.path, 'stop', 'test', { soon: true });
    assert.equal(await awaitOutcome(at.path, id, 0), undefined);
    writeFileSync(path.join(at.controlDone, `${id}.json`), JSON.stringify({ v: 1, id, verb: 'stop', args: {}, by: 'test', t: 1, outcome: 'done', text: 'Stopped.' }));
    assert.equal((await awaitOutcome(at.path, id, 1000))?.outcome, 'done');
    const ids = await Promise.all(Array.from({ length: 20 }, () => sendControl(at.path, 'stop', 'test')));
    assert.equal(new Set(ids).size, 20);
  });

  it('is known by its name and its events after it is gone, and followed again where it comes back', async () => {
    const follower = new RunFollower(at.path);
    const config = { teacher: { model: 't' }, student: { model: 's' }, checkpoints: { best: 'eval/kl_reverse' } };
    writeFileSync(at.run, JSON.stringify({ v: 1, id: at.id, name: 'words', created: 1, config, provenance: { commit: null }, environment: { python: 'p' } }));
    writeFileSync(at.events, step(0, 1));
    assert.equal((await follower.refresh()).gone, false);
    renameSync(at.path, `${at.path}-away`);
    const { gone, name, text } = await follower.refresh();
    assert.deepEqual([gone, name, text], [true, 'words', `This run's folder is gone: put it back to ${at.path} to see it again.`]);
    assert.equal(follower.history.lastStep, 1);
    renameSync(`${at.path}-away`, at.path);
    appendFileSync(at.events, step(1, 2));
    assert.equal((await follower.refresh()).gone, false);
    assert.equal(follower.history.lastStep, 2);
    follower.dispose();
  });

  it('is followed: what is new is told once, and a rewritten history from its start', async () => {
    const follower = new RunFollower(at.path);
    const told: { restarted: boolean; grew: boolean; values: number[] }[] = [];
    follower.onDidChange(({ restarted, grew, history }) => told.push({ restarted, grew, values: [...(history.series.get('loss/total')?.values ?? [])] }));
    writeFileSync(at.events, step(0, 1) + step(1, 2));
    await Promise.all([follower.refresh(), follower.refresh()]);
    assert.deepEqual(told.pop(), { restarted: false, grew: true, values: [1, 2] });
    assert.equal(told.length, 0);
    await follower.refresh();
    assert.equal(told.length, 0, 'nothing happened, nothing is told');
    appendFileSync(at.events, step(2, 3));
    await follower.refresh();
    assert.deepEqual(told.pop(), { restarted: false, grew: true, values: [1, 2, 3] });
    writeFileSync(at.events, step(0, 1) + step(1, 2) + step(2, 3).replace('"loss/total":3', '"loss/total":33') + step(3, 4));
    await follower.refresh();
    assert.deepEqual(told.pop(), { restarted: true, grew: true, values: [1, 2, 33, 4] });
    appendFileSync(at.events, `${'x'.repeat(9 << 20)}\n${step(4, 5)}`);
    await follower.refresh();
    assert.deepEqual(follower.history.unreadable, { count: 1, reason: 'a line of more than 8 MB' });
    assert.equal(follower.history.lastStep, 5);
    follower.dispose();
  });
});
