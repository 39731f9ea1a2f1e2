import type { Dirent } from 'node:fs';
import { lstat, readdir } from 'node:fs/promises';
import path from 'node:path';
import * as vscode from 'vscode';
import { type CheckpointRow, checkpointRows, headlineKl, type HeadlineKl } from '../../present/checkpoints';
import type { EventStream } from '../../rundir/eventStream';
import { Journal, readJournal } from '../../rundir/journal';
import { isRunId, RunDir } from '../../rundir/layout';
import { Patience } from '../../rundir/patience';
import { followRare } from '../../rundir/rareEvents';
import { readRecent } from '../../rundir/recent';
import { type Listing, Rounds } from '../../rundir/rounds';
import { readRun, type RunSummary } from '../../rundir/runs';
import { foldAlerts, type RunAlert } from '../../telemetry/alerts';
import { Disposable } from '../disposable';

/** A run as the editor's lists show it. */
export interface ListedRun {
  readonly summary: RunSummary;
  /** Undefined while nothing has measured it. */
  readonly kl: HeadlineKl | undefined;
  /** What guards found, one entry per guard. */
  readonly alerts: readonly RunAlert[];
  /** Grows whenever what is known of the run's checkpoints does. */
  readonly checkpointsSeen: number;
}

interface Entry {
  summary: RunSummary;
  kl: HeadlineKl | undefined;
  alerts: readonly RunAlert[];
  checkpointsSeen: number;
  /** What the run's state depends on, once it has ended. */
  fingerprint: string;
  /** While the run is active; while its state cannot be known from here, once somebody has asked for its checkpoints. */
  events: EventStream | undefined;
  journal: Journal | undefined;
  /** Of a run that has ended, once somebody has asked. */
  rows: CheckpointRow[] | undefined;
  /** It was at work once, as far as this window knows: it stays in the list, however old it is. */
  wasActive: boolean;
}

/** Runs shown of one folder: the newest. */
const SHOWN = 100;
/** Milliseconds that one folder or run may hold up the others. */
const PATIENCE = 5000;
/** Milliseconds that a run's history may: a long one takes seconds to read, and the run is listed before. */
const HISTORY_PATIENCE = 500;

interface Folder {
  readonly dirs: readonly string[];
  /** Runs that are not in the list. */
  readonly older: number;
}

/**
 * Knows the runs of all runs folders by polling: watchers miss events on remote and network file systems. An active run
 * is followed event by event; an ended one costs a `stat` or two.
 */
export class RunRegistry extends Disposable {
  private readonly entries = new Map<string, Entry>();
  private readonly changed = this.register(new vscode.EventEmitter<void>());
  private timer: NodeJS.Timeout | undefined;
  private polling: Promise<void> | undefined;
  private readonly warned = new Set<string>();
  private readonly rounds = new Rounds(PATIENCE, (folder) => this.list(folder), (dir) => this.look(dir), () => this.tell());
  private readonly histories = new Patience<boolean>(HISTORY_PATIENCE, () => this.tell());
  /** The last answer of each folder. */
  private readonly seen = new Map<string, Folder>();

  /** Something in a list of runs looks different now. Fires at most once a poll and folder. */
  readonly onDidChange = this.changed.event;

  constructor(readonly folders: () => readonly string[], private readonly log: (text: string) => void) {
    super();
  }

  /** Newest first. */
  get runs(): ListedRun[] {
    return [...this.entries.values()].sort((a, b) => b.summary.created - a.summary.created || b.summary.id.localeCompare(a.summary.id));
  }

  /** How many runs there are besides, older than all that are listed. */
  get older(): number {
    return [...this.seen.values()].reduce((sum, { older }) => sum + older, 0);
  }

  get activeRuns(): ListedRun[] {
    return this.runs.filter((run) => run.summary.active);
  }

  get(dir: string): ListedRun | undefined {
    return this.entries.get(dir);
  }

  /** The checkpoints of a run, by step. Reads each event once. */
  async checkpoints(dir: string): Promise<readonly CheckpointRow[]> {
    const entry = this.entries.get(dir);
    if (entry?.rows) return entry.rows;
    const summary = entry?.summary ?? (await readRun(dir));
    const events = entry?.events ?? followRare(dir);
    if (entry && !isSettled(entry.summary)) entry.events = events;
    await this.read(events, dir);
    const rows = checkpointRows(events.history, bestMetric(summary));
    if (entry && isSettled(entry.summary)) entry.rows = rows;
    return rows;
  }

  /** Looks now, and then again and again. */
  start(): Promise<void> {
    return this.refresh().finally(() => this.schedule());
  }

  /** Looks now. Calls at the same time share one look. */
  refresh(): Promise<void> {
    this.polling ??= this.poll().finally(() => (this.polling = undefined));
    return this.polling;
  }

  override dispose(): void {
    clearTimeout(this.timer);
    for (const entry of this.entries.values()) entry.events?.stop();
    this.entries.clear();
    super.dispose();
  }

  private schedule(): void {
    if (this.disposed) return;
    const active = [...this.entries.values()].some((entry) => entry.summary.active);
    const { focused } = vscode.window.state;
    this.timer = setTimeout(() => void this.refresh().finally(() => this.schedule()), active ? (focused ? 500 : 1000) : 2000);
  }

  private async poll(): Promise<void> {
    const folders = new Set(this.folders());
    for (const folder of this.seen.keys()) if (!folders.has(folder)) this.seen.delete(folder);
    if (this.forgetGone()) this.tell();
    await Promise.all([...folders].map(async (folder) => {
      if (await this.rounds.go(folder)) this.tell();
    }));
  }

  private tell(): void {
    if (!this.disposed) this.changed.fire();
  }

  private warn(text: string): void {
    if (this.warned.has(text)) return;
    this.warned.add(text);
    this.log(text);
  }

  /** What a folder holds now. One that cannot be read keeps what it had: who lost a disk for a moment has not lost their runs. */
  private async list(folder: string): Promise<Listing> {
    let found: Dirent[] = [];
    try {
      found = await readdir(folder, { withFileTypes: true });
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== 'ENOENT' && code !== 'ENOTDIR') {
        this.warn(`The runs folder ${folder} cannot be read (${code ?? 'unknown error'}).`);
        return { dirs: [], links: [], changed: false };
      }
    }
    const links = new Set(found.filter((entry) => entry.isSymbolicLink()).map(({ name }) => path.join(folder, name)));
    const names = found.filter((entry) => entry.isDirectory() || entry.isSymbolicLink()).map(({ name }) => name);
    // Ids begin with their time: sorting names is sorting by age.
    const all = names.filter(isRunId).sort().reverse().map((name) => path.join(folder, name));
    const shown = all.filter((dir, place) => place < SHOWN || this.entries.get(dir)?.wasActive === true);
    const older = all.length - shown.length;
    const otherOlder = older !== (this.seen.get(folder)?.older ?? 0);
    this.seen.set(folder, { dirs: shown, older });
    const changed = this.forgetGone() || otherOlder;
    return { dirs: shown.filter((dir) => !links.has(dir)), links: shown.filter((dir) => links.has(dir)), changed };
  }

  /** Forgets the runs that no folder holds any more. True when there were such. */
  private forgetGone(): boolean {
    const there = new Set([...this.seen.values()].flatMap(({ dirs }) => dirs));
    const gone = [...this.entries].filter(([dir]) => !there.has(dir));
    for (const [dir, entry] of gone) {
      entry.events?.stop();
      this.entries.delete(dir);
    }
    return gone.length > 0;
  }

  /** Brings one run up to date. True when something that is shown has changed. */
  private async look(dir: string): Promise<boolean> {
    const before = this.entries.get(dir);
    try {
      const fingerprint = await fingerprintOf(dir);
      const touched = before?.fingerprint !== fingerprint;
      if (!touched && before.events === undefined && isSettled(before.summary)) return false;
      const summary = await readRun(dir);
      // An empty folder: a launcher has taken the id and is about to fill it.
      if (this.disposed || (summary.run === undefined && summary.status === undefined && summary.problem === undefined)) return false;
      // Of what cannot be looked at from here, silence alone tells more.
      const changed = touched || before.summary.state !== summary.state || before.summary.text !== summary.text;
      const entry: Entry = before ?? {
        summary, kl: undefined, alerts: [], checkpointsSeen: 0, fingerprint, events: undefined, journal: undefined, rows: undefined,
        wasActive: false,
      };
      if (summary.active) entry.events ??= followRare(dir);
      // The end of its events is there at once, and of an ended run it will do: they may be gigabytes.
      const glance = before === undefined || (changed && entry.events === undefined) ? await glanceAt(dir, summary.active) : {};
      Object.assign(entry, glance, { summary, fingerprint, wasActive: entry.wasActive || summary.active });
      if (changed) entry.rows = undefined;
      this.entries.set(dir, entry);
      const { events } = entry;
      const followed = events && (await this.histories.ask(dir, () => this.follow(entry, events)));
      return changed || followed === true;
    } catch (error) {
      this.warn(`The run in ${dir} cannot be read: ${String(error)}`);
      return false;
    }
  }

  /** Takes in what is new in a run's history. True when something that is shown has changed. */
  private async follow(entry: Entry, events: EventStream): Promise<boolean> {
    // Of this moment: once it says "ended", everything that the trainer wrote is there to be read.
    const { summary } = entry;
    const journal = (entry.journal ??= new Journal(summary.dir));
    const before = events.history.lastSeq;
    const alerted = alertKey(entry.alerts);
    await this.read(events, summary.dir);
    await journal.refresh();
    const { history } = events;
    entry.kl = headlineKl(history, summary.active);
    entry.alerts = foldAlerts(history.alerts, journal.entries);
    entry.checkpointsSeen = history.checkpoints.length + history.evaluations.length;
    if (isSettled(summary)) {
      entry.rows = checkpointRows(history, bestMetric(summary));
      entry.events = undefined;
      entry.journal = undefined;
    }
    return history.lastSeq !== before || alertKey(entry.alerts) !== alerted;
  }

  /** A run whose events cannot be read is there all the same. */
  private async read(events: EventStream, dir: string): Promise<void> {
    await events.read().catch((error: unknown) => this.warn(`The events of ${dir} cannot be read: ${String(error)}`));
  }
}

/** What is going to change no more by itself. */
const isSettled = ({ active, state }: RunSummary): boolean => !active && state !== 'unknown';

const bestMetric = ({ run }: RunSummary): string => run?.config.checkpoints.best ?? 'eval/kl_reverse';

/** One call after the other, as all that reaches for a run here: a disk that does not answer keeps one of them. */
async function glanceAt(dir: string, active: boolean): Promise<Pick<Entry, 'kl' | 'alerts'>> {
  const recent = await readRecent(dir);
  const journal = await readJournal(dir);
  return { kl: headlineKl(recent, active), alerts: foldAlerts(recent.alerts, journal) };
}

const alertKey = (alerts: readonly RunAlert[]): string => alerts.map(({ rule, earlier }) => `${rule} ${earlier.length}`).join();

async function fingerprintOf(dir: string): Promise<string> {
  const at = new RunDir(dir);
  const parts: string[] = [];
  for (const file of [at.status, at.exit, at.run]) {
    parts.push(await lstat(file).then(({ ino, mtimeMs, size }) => `${ino}:${mtimeMs}:${size}`, () => '-'));
  }
  return parts.join(' ');
}
