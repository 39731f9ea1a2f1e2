import { lstat, readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import type { Exit, Run, Status } from '../contract/generated';
import { parseRecord } from '../contract/parse';
import { placeOf } from '../contract/runPlace';
import { type Conclusion, concludeState, type Facts, hasEnded, isActive, isForsaken, isRunState, type RunState } from '../contract/runState';
import { isExitRecord, isRunRecord, isStatusRecord } from '../contract/shape';
import { showControlCharacters, showOnOneLine } from '../present/text';
import { isRunId, RunDir } from './layout';
import { machineClock, processAlive, thisMachine } from './liveness';
import { linksIn } from './ownFolder';
import { readPlain } from './plainFile';

const LONGEST_NAME = 200;

/** A run at one moment, as the lists show it. */
export interface RunSummary {
  readonly dir: string;
  readonly id: string;
  /** As it is shown everywhere: on one line, with control characters made visible. */
  readonly name: string;
  /** Unix time. */
  readonly created: number;
  readonly state: RunState;
  /** One sentence: why it is in this state. */
  readonly text: string;
  readonly active: boolean;
  /** The folder is there no more. */
  readonly gone: boolean;
  /** Unknown, and for so long that a person may say that it is gone. */
  readonly forsaken: boolean;
  /** Its processes at this moment; false where they cannot be looked at from here. */
  readonly supervisorAlive: boolean;
  readonly trainerAlive: boolean;
  readonly run: Run | undefined;
  readonly status: Status | undefined;
  readonly exit: Exit | undefined;
  /** What could not be read, in one sentence. */
  readonly problem: string | undefined;
}

/** No record of a run comes near this size: what does is not ours. */
const LARGEST_RECORD = 4 << 20;

interface ReadRecord<T> {
  readonly value: T | undefined;
  readonly problem: string | undefined;
}

async function readRecord<T>(file: string, has: (record: Record<string, unknown>) => boolean): Promise<ReadRecord<T>> {
  let text: string;
  try {
    text = await readPlain(file, LARGEST_RECORD);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return { value: undefined, problem: undefined };
    const why = code === 'EFBIG' ? `it has more than ${LARGEST_RECORD >> 20} MB` : code === 'ELOOP' || code === 'ENOTFILE' ? 'it is not a plain file' : code;
    return { value: undefined, problem: `${path.basename(file)} cannot be read (${why ?? 'unknown error'}).` };
  }
  const parsed = parseRecord(text);
  if (!parsed.ok) return { value: undefined, problem: `${path.basename(file)} cannot be used: ${parsed.reason}.` };
  if (!has(parsed.value)) return { value: undefined, problem: `${path.basename(file)} lacks fields that every run has.` };
  return { value: parsed.value as T, problem: undefined };
}

const isStatus = (record: Record<string, unknown>): boolean => isRunState(record['state']) && isStatusRecord(record);

/** Time in a run's id, for a run whose record cannot be read. */
function createdFromId(id: string): number {
  const [, y, mo, d, h, mi, s] = /^(\d{4})(\d\d)(\d\d)-(\d\d)(\d\d)(\d\d)/.exec(id) ?? [];
  return y === undefined ? 0 : new Date(+y, Number(mo) - 1, Number(d), Number(h), Number(mi), Number(s)).getTime() / 1000;
}

/** That the folder of a run is there no more, in one sentence; undefined while it is. */
export async function whyGone(dir: string): Promise<string | undefined> {
  const missing = await stat(dir).then(() => false, (error: unknown) => ['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? ''));
  return missing ? `This run's folder is gone: put it back to ${showControlCharacters(dir)} to see it again.` : undefined;
}

/** Reads a run folder and concludes its state from the facts of this moment. Never throws for what lies in it. */
export async function readRun(dir: string): Promise<RunSummary> {
  const at = new RunDir(dir);
  // One call after the other, so that a disk that does not answer keeps one of them.
  const status = await readRecord<Status>(at.status, isStatus);
  const run = await readRecord<Run>(at.run, isRunRecord);
  const exit = await readRecord<Exit>(at.exit, isExitRecord);
  const links = await linksIn(dir);
  const place = status.value === undefined ? { sameHost: false, sameBoot: false } : placeOf(status.value, thisMachine());
  // Of a run that has ended nobody asks whether its processes live: a list of old runs costs no look at the system.
  const mayLive = place.sameBoot && status.value !== undefined && !hasEnded(status.value.state);
  const [supervisorAlive, trainerAlive, changed] = await Promise.all([
    mayLive && processAlive(status.value.supervisor),
    mayLive && processAlive(status.value.trainer),
    status.problem === undefined ? undefined : lstat(at.status).then(({ mtimeMs }) => mtimeMs / 1000, () => undefined),
  ]);
  const created = run.value?.created ?? createdFromId(at.id);
  const facts: Facts = {
    status: status.value,
    unreadable: status.problem === undefined ? undefined : { problem: status.problem, changed },
    exit: exit.value,
    ...place,
    supervisorAlive,
    trainerAlive,
    created,
    now: Date.now() / 1000,
    clock: machineClock(),
  };
  const empty = [run, status, exit].every(({ value, problem }) => value === undefined && problem === undefined);
  const gone = empty ? await whyGone(dir) : undefined;
  const conclusion: Conclusion = gone === undefined ? concludeState(facts) : { state: 'lost', text: gone };
  return {
    dir,
    id: at.id,
    name: showOnOneLine(run.value?.name ?? at.id, LONGEST_NAME),
    created,
    state: conclusion.state,
    text: conclusion.text,
    active: isActive(conclusion.state),
    gone: gone !== undefined,
    forsaken: isForsaken(facts),
    supervisorAlive,
    trainerAlive,
    run: run.value,
    status: status.value,
    exit: exit.value,
    problem: run.problem ?? status.problem ?? exit.problem ?? links,
  };
}

/** Runs that are read at the same time. */
const AT_ONCE = 100;

/** The newest runs of a folder, newest first. A folder that does not exist holds none. */
export async function listRuns(runsFolder: string, limit = 100): Promise<RunSummary[]> {
  let names: string[];
  try {
    names = await readdir(runsFolder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
  // Ids begin with their time: sorting names is sorting by age, without opening a single file.
  const newest = names.filter(isRunId).sort().reverse().slice(0, limit);
  const runs: RunSummary[] = [];
  // Not all at once: a process may have only so many files open.
  for (let n = 0; n < newest.length; n += AT_ONCE) {
    runs.push(...(await Promise.all(newest.slice(n, n + AT_ONCE).map((name) => readRun(path.join(runsFolder, name))))));
  }
  return runs.sort((a, b) => b.created - a.created || b.id.localeCompare(a.id));
}
