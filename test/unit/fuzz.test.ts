import assert from 'node:assert/strict';
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { diagnoseConfig } from '../../src/config/diagnose';
import { forkText } from '../../src/config/forkText';
import { outlineConfig } from '../../src/config/phases';
import { RunFeed } from '../../src/editor/panel/feed';
import { buildHeader } from '../../src/editor/panel/header';
import { runDescription, runFacts, runSpoken } from '../../src/editor/runs/describe';
import { alertReport } from '../../src/present/alertText';
import { checkpointRows, headlineKl, scoreMetric } from '../../src/present/checkpoints';
import { describeEvent } from '../../src/present/events';
import { isKnown, parseEvent } from '../../src/contract/parse';
import { DEFAULT_SETTINGS } from '../../src/protocol/runPanel';
import { listCheckpoints } from '../../src/rundir/checkpoints';
import { RunFollower } from '../../src/rundir/follow';
import { readJournal } from '../../src/rundir/journal';
import { listSides, readSide } from '../../src/rundir/sides';
import { changeOf } from '../../src/samples/change';
import { renderSamples } from '../../src/samples/document';
import { pairSamples } from '../../src/samples/pair';
import { foldAlerts } from '../../src/telemetry/alerts';
import { repo, temporaryFolder } from '../harness/paths';
import { seededRandom } from './random';

const FIXTURE = path.join(repo, 'test', 'fixtures', 'runs', '20261124-223702-pronounce');
/** Values that nobody expects where they land. */
const ODD: readonly unknown[] = [
  null, true, -1, 1e308, 0.5, 'NaN', '', '../../../../etc/passwd', '\u202egnp.exe', '\u001b[2J', '<img src=x onerror=alert(1)>', '$(trash)', [], {}, [null], [[[]]],
  { length: 1e9 }, 'x'.repeat(5000), JSON.parse('{"__proto__":{"polluted":1}}'), Number.MAX_SAFE_INTEGER + 2, -0, [{}], { pid: 1 }, ['a', 1],
];

class Mutator {
  constructor(private readonly random: () => number) {}

  below(n: number): number {
    return Math.floor(this.random() * n);
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)]!;
  }

  /** A record with one to three of its parts replaced, taken out, or put elsewhere. */
  record(value: unknown): unknown {
    const copy = structuredClone(value);
    for (let n = 1 + this.below(3); n > 0; n--) this.change(copy);
    return copy;
  }

  /** A text with bytes that do not belong there. */
  text(text: string): string {
    const at = this.below(text.length + 1);
    switch (this.below(6)) {
      case 0: return text.slice(0, at);
      case 1: return text.slice(0, at) + String.fromCharCode(this.below(0x10000)) + text.slice(at + 1);
      case 2: return text + text.slice(at);
      case 3: return text.slice(0, at) + '['.repeat(this.below(20_000)) + text.slice(at);
      case 4: return text.slice(0, at) + text.slice(at + 1 + this.below(40));
      default: return `\ufeff${text.replaceAll(this.pick(['"', ':', ',', '}', '0', 'e']), this.pick(['', '\\', '\n', '\u0000', '9'.repeat(400)]))}`;
    }
  }

  private change(node: unknown): void {
    if (node === null || typeof node !== 'object') return;
    const keys = Object.keys(node);
    if (keys.length === 0) return;
    const parent = node as Record<string, unknown>;
    const key = this.pick(keys);
    const child = parent[key];
    if (child !== null && typeof child === 'object' && this.random() < 0.6) return this.change(child);
    // What is undefined is left out as the record is written.
    if (this.random() < 0.2) parent[key] = undefined;
    else parent[key] = structuredClone(this.pick(ODD));
  }
}

/** Everything that the editor and the command line make of a run folder. What it throws is a finding. */
async function readEverything(dir: string): Promise<void> {
  const follower = new RunFollower(dir);
  await follower.refresh();
  follower.dispose();
  const { history, summary } = follower;
  assert.ok(summary);
  const journal = await readJournal(dir);
  const now = Date.now() / 1000;
  const feed = new RunFeed(() => history, () => buildHeader({ summary, history, journal, request: null, now }));
  feed.look({ metrics: [...history.series.keys()], columns: 200, smoothing: 0.6, range: null });
  feed.snapshot(DEFAULT_SETTINGS);
  const alerts = foldAlerts(history.alerts, journal);
  alertReport(summary.name, alerts);
  const listed = { summary, kl: headlineKl(history, summary.active), alerts, checkpointsSeen: 0 };
  for (const text of [runDescription(listed, new Date()), runSpoken(listed, new Date()), ...runFacts(listed).flat()]) {
    assert.doesNotMatch(text, /[\u0000-\u001f\u202e]/, 'a control character is obeyed');
  }
  const rows = checkpointRows(history, summary.run?.config.checkpoints.best ?? 'eval/kl_reverse');
  scoreMetric(rows, 'eval/kl_reverse');
  for (const checkpoint of await listCheckpoints(dir)) assert.ok(checkpoint.path.startsWith(dir + path.sep));
  const sides = await listSides(dir);
  const [left, right] = await Promise.all(sides.slice(0, 2).map(({ name }) => readSide(dir, name)));
  if (left) renderSamples(left);
  if (left && right) pairSamples(left, right).forEach(changeOf);
}

const lines = (name: string, limit: number): string[] => readFileSync(path.join(FIXTURE, name), 'utf8').split('\n').slice(0, limit).filter((line) => line !== '');

/** A run folder with the fixture's records, few enough to be read thousands of times. */
function smallRun(): { readonly dir: string; readonly files: ReadonlyMap<string, string> } {
  const dir = path.join(temporaryFolder('fuzz'), '20261124-223702-pronounce');
  mkdirSync(dir);
  const all = lines('events.jsonl', 1e6).map((line) => JSON.parse(line) as { kind: string; seq: number });
  const seen = new Map<string, number>();
  const kept = all.filter(({ kind }) => {
    seen.set(kind, (seen.get(kind) ?? 0) + 1);
    return (seen.get(kind) ?? 0) <= 4;
  });
  const alert = { v: 1, t: 1, attempt: 1, kind: 'alert', step: 3, rule: 'repetition', level: 'warning', text: 'It repeats.', action: 'alert', numbers: { limit: 1 }, samples: ['a a'] };
  const resume = { v: 1, t: 1, attempt: 2, kind: 'resume', step: 2, checkpoint: 'step-00000002-a1' };
  const events = [...kept, alert, resume].map((event, seq) => `${JSON.stringify({ ...event, seq })}\n`).join('');
  const files = new Map<string, string>([['events.jsonl', events]]);
  for (const name of ['run.json', 'status.json', 'exit.json', 'journal.jsonl']) files.set(name, readFileSync(path.join(FIXTURE, name), 'utf8'));
  const status = JSON.parse(files.get('status.json') ?? '') as object;
  files.set('status.json', JSON.stringify({ ...status, state: 'running', behind: ['20260101-000000-x'], restarts: 1, restartAt: 2e9, stopDeadline: 2e9 }));
  const run = JSON.parse(files.get('run.json') ?? '') as object;
  files.set('run.json', JSON.stringify({ ...run, parent: { run: '20260101-000000-x', checkpoint: 'step-00000002-a1', path: '/x' } }));
  mkdirSync(path.join(dir, 'samples'));
  for (const name of ['step-00000250-a1.jsonl', 'teacher.jsonl']) {
    files.set(`samples/${name}`, `${lines(`samples/${name}`, 3).join('\n')}\n`);
  }
  cpSync(path.join(FIXTURE, 'config.jsonc'), path.join(dir, 'config.jsonc'));
  return { dir, files };
}

async function fuzz(cases: number, seed: number): Promise<void> {
  const { dir, files } = smallRun();
  const mutate = new Mutator(seededRandom(seed));
  const config = readFileSync(path.join(FIXTURE, 'config.jsonc'), 'utf8');
  const names = [...files.keys(), 'config.jsonc'];
  for (const [name, text] of files) writeFileSync(path.join(dir, name), text);
  await readEverything(dir);
  for (let n = 0; n < cases; n++) {
    const name = mutate.pick(names);
    const whole = files.get(name) ?? config;
    const separate = name.endsWith('.jsonl');
    const records = separate ? whole.split('\n').slice(0, -1) : [whole];
    const at = mutate.below(records.length);
    const structured = name !== 'config.jsonc' && mutate.below(3) > 0;
    records[at] = structured ? JSON.stringify(mutate.record(JSON.parse(records[at]!))) : mutate.text(records[at]!);
    const mutated = separate ? `${records.join('\n')}\n` : records[0]!;
    const why = (error: unknown): string => `case ${n} of seed ${seed}, ${name}: ${mutated.length > 3000 ? (records[at] ?? '').slice(0, 3000) : mutated}\n${(error as Error).stack ?? ''}`;
    const begin = performance.now();
    try {
      if (name === 'config.jsonc') {
        diagnoseConfig(mutated, [{ text: 'x', file: null, line: null, pointer: '/phases/0/steps', severity: 'error', edits: [] }]);
        outlineConfig(mutated);
        forkText(mutated, { name: 'x', phasesDone: 2, notes: [] });
      } else {
        writeFileSync(path.join(dir, name), mutated);
        await readEverything(dir);
        if (name === 'events.jsonl') {
          const parsed = parseEvent(records[at]);
          if (parsed.ok && isKnown(parsed.value)) describeEvent(parsed.value);
        }
        writeFileSync(path.join(dir, name), whole);
      }
    } catch (error) {
      assert.fail(why(error));
    }
    if (performance.now() - begin > 5000) assert.fail(why(new Error('it hangs')));
  }
  assert.equal(({} as Record<string, unknown>)['polluted'], undefined);
}

describe('readers of what lies in a run folder', function suite() {
  this.timeout(600_000);

  it('neither fail nor hang on 400 records that were tampered with', () => fuzz(400, 1));

  it('neither fail nor hang on 10,000 records that were tampered with @long', () => fuzz(10_000, 2));
});
