import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Sample } from '../../../src/contract/generated';
import { repo, temporaryFolder } from '../../harness/paths';

const cli = path.join(repo, 'dist', 'cli.js');
const recorded = path.join(repo, 'test', 'fixtures', 'runs');

interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

function minillm(args: readonly string[], env: Record<string, string> = {}, cwd = repo): Ended {
  const { FORCE_COLOR: _, NO_COLOR: __, ...inherited } = process.env;
  const { status, stdout, stderr } = spawnSync(process.execPath, [cli, ...args], { cwd, env: { ...inherited, ...env }, encoding: 'utf8' });
  return { code: status, out: stdout, err: stderr };
}

const readLines = <T>(...parts: string[]): T[] => readFileSync(path.join(...parts), 'utf8').trimEnd().split('\n').map((line) => JSON.parse(line) as T);

describe('minillm on the command line', () => {
  const id = readdirSync(recorded).sort().at(-1)!;
  const dir = path.join(recorded, id);
  const on = (...args: string[]): string[] => [...args, '--runs', recorded];
  const json = (...args: string[]): unknown => {
    const { code, out, err } = minillm([...on(...args), '--json']);
    assert.deepEqual([code, err], [0, '']);
    return JSON.parse(out);
  };
  const events = readLines<{ kind: string; seq: number; step: number; subject?: string }>(dir, 'events.jsonl');
  const checkpoints = readdirSync(path.join(dir, 'samples')).flatMap((name) => /^(step-\d+-a\d+)\.jsonl$/.exec(name)?.[1] ?? []).sort();

  it('explains itself', () => {
    const { code, out } = minillm(['--help']);
    assert.equal(code, 0);
    for (const name of ['run', 'list', 'show', 'compare', 'tail', 'stop', 'samples', 'diff']) {
      assert.match(out, new RegExp(`^  ${name}\\b`, 'm'));
      const help = minillm([name, '--help']);
      assert.equal(help.code, 0);
      for (const option of ['--json', '--runs <folder>']) assert.ok(help.out.includes(option), `${name} tells of ${option}`);
      assert.equal(minillm(['help', name]).out, help.out);
    }
    assert.match(minillm(['--version']).out, /^\d+\.\d+\.\d+\n$/);
    assert.equal(minillm([]).code, 2);
  });

  it('sets runs side by side, and says what keeps them from being compared', () => {
    const other = readdirSync(recorded).sort()[0]!;
    const { code, out } = minillm(on('compare', other, id));
    assert.equal(code, 0);
    assert.match(out, /^On 2405 validation rows\n +pronounce 20261124-223702 +pronounce 20261124-232620\n +step 2396, minillm +step 1700, minillm, 100 rows\n/);
    assert.match(out, /^reverse KL +0\.512 +0\.791$/m);
    assert.match(out, /^pronounce 20261124-232620: another teacher, other validation rows$/m);
    const told = json('compare', other, id) as { run: string; differs: string[]; scores: Record<string, number> }[];
    assert.deepEqual(told.map(({ run, differs }) => [run, differs]), [[other, []], [id, ['another teacher', 'other validation rows']]]);
    assert.equal(told[1]?.scores['eval/accuracy_greedy'], 0.42);
    const unscored = path.join(temporaryFolder('unscored'), '20261125-000000-young');
    cpSync(dir, unscored, { recursive: true });
    writeFileSync(path.join(unscored, 'events.jsonl'), '');
    const three = json('compare', other, id, unscored) as { scoredAt: number | null; scores: object | null }[];
    assert.deepEqual(three.map(({ scoredAt }) => scoredAt), [2396, 1700, null]);
    assert.equal(three[2]?.scores, null);
  });

  it('answers a wrong command line with one sentence and exit code 2', () => {
    const wrong: readonly (readonly [string[], RegExp])[] = [
      [['lst'], /no command "lst".*list/],
      [['list', '--jsn'], /minillm list has no option "--jsn"/],
      [['list', 'x'], /does not know what to do with "x"/],
      [['list', '--limit', 'many'], /--limit takes a whole number, not "many"/],
      [['list', '--limit'], /--limit needs a value: --limit <n>/],
      [['list', '--limit', '--json'], /--limit needs a value/],
      [['list', '--json=yes'], /--json takes no value/],
      [['show'], /minillm show needs a run/],
      [['run'], /minillm run needs a config/],
      [on('compare', id), /minillm compare needs a run/],
      [on('compare', id, 'latest'), /"latest" names a run that is named already/],
      [on('compare', id, id, id, id, id, id, 'x'), /does not know what to do with "x"/],
      [on('show', 'nix'), /No run's id begins with "nix"/],
      [['show', 'latest', '--runs', '/nowhere'], /There are no runs in \/nowhere/],
      [on('show', id, '--export', 'xml'), /--export takes csv or jsonl, not "xml"/],
      [on('samples', id, '--step', '7'), /no samples of "7".*Steps with samples: /],
      [on('diff', id, '--from', '../x'), /no samples of "\.\.\/x"/],
      [on('diff', id, '--only', 'better'), /--only takes improved, regressed/],
      [on('stop', id), /is not running: finished/],
    ];
    for (const [args, sentence] of wrong) {
      const { code, out, err } = minillm(args);
      assert.deepEqual([code, out], [2, ''], args.join(' '));
      assert.match(err, sentence);
      assert.match(err, /^[^\n]+[.]\n$/, 'one line, a sentence');
    }
  });

  it('lists runs with step and divergence', () => {
    const [found] = json('list') as { id: string; state: string; step: number; total: number; kl: number }[];
    const last = events.filter(({ kind }) => kind === 'step').at(-1)!.step;
    assert.deepEqual([found?.id, found?.state, found?.step, found?.total], [id, 'finished', last, last]);
    const { out } = minillm(on('list'));
    assert.match(out, new RegExp(`^${id} +finished +${last}/${last} +${found!.kl.toFixed(2)}`, 'm'));
    assert.equal(minillm(['list', '--runs', '/nowhere']).out, 'There are no runs in /nowhere.\n');
  });

  it('shows a run with a table of checkpoints and one of the end', () => {
    const { out } = minillm(on('show', 'latest'));
    for (const name of checkpoints) assert.match(out, new RegExp(`^step ${Number(name.slice(5, 13))} +(sft|minillm) +\\d`, 'm'));
    assert.match(out, /start +sharpening control +final student +teacher/);
    assert.match(out, /^reverse KL +\d.* –$/m, 'the teacher has no divergence from itself');
    const shown = json('show', id) as { evaluations: { subject: string }[]; journal: unknown[]; verdict: string };
    assert.deepEqual(new Set(shown.evaluations.map(({ subject }) => subject)), new Set(['student', 'teacher', 'control']));
    assert.ok(shown.journal.length > 0);
    assert.match(shown.verdict, /sharpening|temperature/);
  });

  it('exports every metric at every step', () => {
    const [head, ...rows] = minillm(on('show', id, '--export', 'csv')).out.trimEnd().split('\n');
    const steps = events.filter(({ kind }) => kind === 'step');
    const column = head!.split(',').indexOf('loss/total');
    assert.equal(rows.filter((row) => row.split(',')[column] !== '').length, steps.length);
  });

  it('prints events, all of them or the last', () => {
    const all = minillm([...on('tail', id), '--json']);
    assert.deepEqual(all.out.trimEnd().split('\n').map((line) => (JSON.parse(line) as { seq: number }).seq), events.map(({ seq }) => seq));
    const last = minillm(on('tail', id, '-n', '2')).out.trimEnd().split('\n');
    assert.equal(last.length, 2);
    assert.match(last[1]!, /finished at step \d+$/);
  });

  it('prints samples of any side', () => {
    const step = String(Number(checkpoints[1]!.slice(5, 13)));
    for (const [side, name] of [['first', checkpoints[0]!], ['last', checkpoints.at(-1)!], [step, checkpoints[1]!], ['teacher', 'teacher']] as const) {
      const stored = readLines<Sample>(dir, 'samples', `${name}.jsonl`);
      assert.deepEqual((json('samples', id, '--step', side) as Sample[]).map(({ text }) => text), stored.map(({ text }) => text), side);
      const greedy = minillm(on('samples', id, '--step', side, '--draw', '0')).out;
      for (const { draw, text } of stored.filter((sample) => sample.text !== '')) if (draw === 0) assert.ok(greedy.includes(`greedy    ${text}`), text);
      assert.doesNotMatch(greedy, /draw 1/);
    }
    assert.ok((json('samples', id, '--step', 'reference') as Sample[]).every(({ text, references }) => references.includes(text)));
  });

  it('compares two sides: counts, texts, and what changed within them', () => {
    const { from, to, counts, pairs } = json('diff', id, '--only', 'improved,regressed,changed,same') as {
      from: string; to: string; counts: Record<string, number>;
      pairs: { change: string; left: Sample; right: Sample; diff: { kind: string; text: string }[] }[];
    };
    assert.deepEqual([from, to], [checkpoints[0], checkpoints.at(-1)]);
    assert.equal(pairs.length, readLines(dir, 'samples', `${from}.jsonl`).length);
    assert.equal(Object.values(counts).reduce((sum, n) => sum + n, 0), pairs.length);
    for (const { left, right, change, diff } of pairs) {
      const join = (without: string): string => diff.filter(({ kind }) => kind !== without).map(({ text }) => text).join('');
      assert.deepEqual([join('added'), join('removed')], [left.text, right.text]);
      if (left.score['exact'] === 0 && right.score['exact'] === 1) assert.equal(change, 'improved');
      if (left.score['exact'] === 1 && right.score['exact'] === 0) assert.equal(change, 'regressed');
    }
    const { out } = minillm(on('diff', id, '--from', 'teacher', '--to', 'last'));
    assert.match(out, /^teacher → step \d+ /);
    assert.match(out, /\[-[^\]]*-\]|\{\+[^}]*\+\}/, 'without colours brackets tell');
  });

  it('compares only what is asked for, in the order that is asked for', () => {
    type Compared = { counts: Record<string, number>; pairs: { promptId: string; prompt: string; left: Sample; right: Sample }[] };
    const all = json('diff', id, '--only', 'improved,regressed,changed,same') as Compared;
    const { prompt } = all.pairs[0]!;
    const some = json('diff', id, '--only', 'improved,regressed,changed,same', '--contains', prompt.toUpperCase()) as Compared;
    assert.ok(some.pairs.length > 0 && some.pairs.length < all.pairs.length);
    assert.ok(some.pairs.every((pair) => JSON.stringify(pair).toLowerCase().includes(prompt.toLowerCase())));
    const rise = ({ left, right }: Compared['pairs'][number]): number => (right.score['rougeL'] ?? 0) - (left.score['rougeL'] ?? 0);
    const greedy = (order: string): number[] => (json('diff', id, '--draw', '0', '--only', 'improved,regressed,changed,same', '--sort', order) as Compared).pairs.map(rise);
    assert.ok(greedy('change')[0]! <= greedy('gain')[0]!);
    assert.deepEqual([...greedy('change')].sort(), [...greedy('prompt')].sort());
    const refused = minillm(on('diff', id, '--sort', 'worst'));
    assert.equal(refused.code, 2);
    assert.match(refused.err, /--sort takes prompt, change, gain, score, not "worst"/);
  });

  it('compares with a step of another run', () => {
    const rival = readdirSync(recorded).sort()[0]!;
    type Compared = Record<'run' | 'with' | 'from' | 'to', string> & { counts: Record<string, number>; pairs: { left: Sample | null; right: Sample | null }[] };
    const { run, with: other, from, to, counts, pairs } = json('diff', id, '--with', rival, '--from', 'last', '--to', '500') as Compared;
    assert.deepEqual([run, other, from, to], [id, rival, checkpoints.at(-1), 'step-00000500-a1']);
    const mine = new Set(readLines<Sample>(dir, 'samples', `${from}.jsonl`).map(({ text }) => text));
    const its = new Set(readLines<Sample>(recorded, rival, 'samples', `${to}.jsonl`).map(({ text }) => text));
    assert.ok(pairs.every(({ left, right }) => (!left || mine.has(left.text)) && (!right || its.has(right.text))));
    assert.ok(counts['improved']! + counts['regressed']! + counts['changed']! > 0);
    assert.match(minillm(on('diff', id, '--with', rival)).out, new RegExp(`^step \\d+ → ${rival}, step \\d+ `));
    const refused = minillm(on('diff', id, '--with', 'nobody'));
    assert.match(refused.err, /nobody/);
    assert.equal(refused.code, 2);
  });

  it('uses colours where they are wanted', () => {
    const colored = /\u001b\[/;
    assert.doesNotMatch(minillm(on('list')).out, colored);
    assert.match(minillm(on('list'), { FORCE_COLOR: '1' }).out, colored);
    assert.doesNotMatch(minillm(on('list'), { FORCE_COLOR: '1', NO_COLOR: '1' }).out, colored);
  });

  it('shows hostile text and never obeys it', () => {
    const folder = temporaryFolder('hostile');
    const copy = path.join(folder, id);
    cpSync(dir, copy, { recursive: true });
    const evil = '\u001b]0;owned\u0007\u001b[2J\u202egnp\r';
    const name = `${checkpoints[0]!}.jsonl`;
    const lines = readLines<Sample>(copy, 'samples', name).map((sample) => JSON.stringify({ ...sample, prompt: evil, text: evil, references: [evil] }));
    writeFileSync(path.join(copy, 'samples', name), lines.join('\n'));
    writeFileSync(path.join(copy, 'run.json'), JSON.stringify({ ...(JSON.parse(readFileSync(path.join(copy, 'run.json'), 'utf8')) as object), name: evil }));
    writeFileSync(path.join(copy, 'events.jsonl'), `${JSON.stringify({ v: 1, seq: 0, t: 1, attempt: 1, kind: 'message', level: 'info', text: evil })}\n`);
    for (const args of [['show', id], ['tail', id], ['samples', id, '--step', 'first'], ['diff', id]]) {
      const { code, out, err } = minillm([...args, '--runs', folder]);
      assert.equal(code, 0, err);
      assert.doesNotMatch(out + err, /[\u0000-\u0008\u000b-\u001f\u007f\u202e]/, args[0]);
    }
    // What a run is called stands in errors, too, and its metrics may be called anything.
    const metrics = { kind: 'evaluation', step: 1, checkpoint: checkpoints[0], subject: 'student', full: false, rows: 1, temperature: 1, path: '', metrics: { [evil]: 1 } };
    writeFileSync(path.join(copy, 'events.jsonl'), `${JSON.stringify({ v: 1, seq: 0, t: 1, attempt: 1, ...metrics })}\n`);
    for (const args of [['resume', id], ['fork', id, '--from', 'last'], ['fork', id, '--from', evil], ['show', id], ['show', id, '--export', 'csv'], ['show', evil]]) {
      const { out, err } = minillm([...args, '--runs', folder]);
      assert.notEqual(out + err, '');
      assert.doesNotMatch(out + err, /[\u0000-\u0008\u000b-\u001f\u007f\u202e]/, args.join(' '));
    }
    rmSync(folder, { recursive: true });
  });

  it('survives a reader that goes away', () => {
    const { status, stderr } = spawnSync('sh', ['-c', `"${process.execPath}" "${cli}" show ${id} --runs "${recorded}" --export jsonl | head -n 1`], { encoding: 'utf8' });
    assert.deepEqual([status, stderr], [0, '']);
  });

  it('says of a broken folder what cannot be used', () => {
    const folder = temporaryFolder('broken');
    mkdirSync(path.join(folder, id));
    writeFileSync(path.join(folder, id, 'run.json'), '{');
    const { code, out, err } = minillm(['list', '--runs', folder]);
    assert.equal(code, 0);
    assert.match(out, /lost/);
    assert.match(err, /run\.json cannot be used: not JSON\./);
    rmSync(folder, { recursive: true });
  });
});
