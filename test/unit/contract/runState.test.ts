import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { Exit, Status } from '../../../src/contract/generated';
import { type Origin, placeOf } from '../../../src/contract/runPlace';
import { concludeState, type Facts, isForsaken, isRunState } from '../../../src/contract/runState';
import { repo } from '../../harness/paths';

/** Cases that hold for the trainer's run_state.py too. */
interface Shared {
  readonly facts: Omit<Facts, 'status' | 'unreadable' | 'exit' | 'clock'> & {
    readonly status: object | null;
    readonly unreadable: { readonly problem: string; readonly changed: number | null } | null;
    readonly exit: object | null;
    readonly clock: number | null;
  };
  readonly cases: readonly {
    readonly name: string;
    readonly facts: Partial<Shared['facts']>;
    readonly state: string;
    readonly text?: string;
    readonly forsaken?: boolean;
  }[];
  readonly place: Place;
  readonly places: readonly {
    readonly name: string;
    readonly record: Partial<Place>;
    readonly machine: Partial<Place>;
    readonly sameHost: boolean;
    readonly sameBoot: boolean;
  }[];
}
interface Place {
  readonly host: string;
  readonly bootId: string;
  readonly pidNamespace: string | null;
}
const shared = JSON.parse(readFileSync(path.join(repo, 'test', 'fixtures', 'run-states.json'), 'utf8')) as Shared;

const status: Status = {
  v: 1, run: 'r', state: 'running', attempt: 1, host: 'here', bootId: 'b', pidNamespace: null,
  supervisor: { pid: 2, startTime: '1' }, trainer: { pid: 3, startTime: '1' },
  phase: 'sft', step: 40, total: 100, eta: 10, activity: null,
  started: 0, heartbeat: 1000, heartbeatClock: null, nextHeartbeatBy: 1005,
  silentSince: null, behind: [], restarts: 0, restartAt: null, stopDeadline: null, exitCode: null, reason: null,
};
const exit: Exit = { v: 1, run: 'r', attempt: 1, t: 1000, exitCode: 1, reason: 'failed', cause: 'RuntimeError: out of memory' };
const alive: Facts = {
  status, unreadable: undefined, exit: undefined, sameHost: true, sameBoot: true, supervisorAlive: true, trainerAlive: true,
  created: 0, now: 1001, clock: undefined,
};
const stateOf = (facts: Partial<Facts>): string => concludeState({ ...alive, ...facts }).state;

describe('state of a run', () => {
  it('follows the facts, and no flag in a file', () => {
    assert.equal(stateOf({}), 'running');
    assert.equal(stateOf({ status: undefined, created: 990 }), 'starting');
    assert.equal(stateOf({ status: undefined, created: 900 }), 'lost');
    assert.equal(stateOf({ supervisorAlive: false }), 'stalled');
    assert.equal(stateOf({ supervisorAlive: false, trainerAlive: false }), 'lost');
    assert.equal(stateOf({ now: 1020 }), 'stalled');
    assert.equal(stateOf({ sameHost: false, sameBoot: false, supervisorAlive: false, trainerAlive: false }), 'unknown');
    assert.equal(stateOf({ sameBoot: false, supervisorAlive: false, trainerAlive: false }), 'lost');
  });

  it('believes an end that was written down, wherever and whenever', () => {
    const finished = { ...status, state: 'finished' as const };
    const elsewhere = { sameHost: false, sameBoot: false, supervisorAlive: false, trainerAlive: false };
    assert.equal(stateOf({ status: finished, ...elsewhere }), 'finished');
  });

  it('takes the trainer\'s own word where no supervisor saw its end', () => {
    const gone = { supervisorAlive: false, trainerAlive: false };
    assert.deepEqual(concludeState({ ...alive, ...gone, exit }), { state: 'failed', text: 'RuntimeError: out of memory' });
    assert.equal(stateOf({ ...gone, exit: { ...exit, attempt: 0 } }), 'lost', 'the word of an earlier attempt does not count');
    assert.equal(stateOf({ exit }), 'running', 'the supervisor is still there to say it');
  });

  for (const { name, facts, state, text, forsaken } of shared.cases) {
    it(`agrees with the trainer: ${name}`, () => {
      const { status: told, unreadable, exit: word, clock, ...rest } = { ...shared.facts, ...facts };
      const known: Facts = {
        ...rest,
        status: told === null ? undefined : { ...status, ...(told as Partial<Status>) },
        unreadable: unreadable === null ? undefined : { ...unreadable, changed: unreadable.changed ?? undefined },
        exit: word === null ? undefined : { ...exit, ...(word as Partial<Exit>) },
        clock: clock ?? undefined,
      };
      const conclusion = concludeState(known);
      assert.equal(conclusion.state, state);
      if (forsaken !== undefined) assert.equal(isForsaken(known), forsaken);
      if (text !== undefined) assert.equal(conclusion.text, text);
    });
  }

  for (const { name, record, machine, ...place } of shared.places) {
    it(`agrees with the trainer where a record is from: ${name}`, () => {
      const told = { ...shared.place, ...record };
      const { pidNamespace, ...rest } = { ...shared.place, ...machine };
      const origin: Origin = told.pidNamespace === 'absent' ? { host: told.host, bootId: told.bootId } : told;
      assert.deepEqual(placeOf(origin, { ...rest, pidNamespace: pidNamespace ?? undefined }), place);
    });
  }

  it('says in a sentence what is known', () => {
    const gone = { supervisorAlive: false, trainerAlive: false };
    const cases: Partial<Facts>[] = [{}, { supervisorAlive: false }, gone, { now: 1020 }, { sameHost: false }];
    for (const facts of cases) assert.match(concludeState({ ...alive, ...facts }).text, /^[A-Z].*\.$/);
  });

  it('knows its states', () => {
    for (const state of ['queued', 'starting', 'running', 'paused', 'stopping', 'stalled']) assert.ok(isRunState(state));
    for (const state of ['finished', 'failed', 'stopped', 'lost', 'unknown']) assert.ok(isRunState(state));
    for (const state of ['', 'Running', 'toString', 7, null, undefined]) assert.equal(isRunState(state), false);
  });
});
