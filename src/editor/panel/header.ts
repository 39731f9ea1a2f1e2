/* The head of a run's panel in words, from what its files say. */
import path from 'node:path';
import type { JournalEntry, PhasePlan, ProgressEvent } from '../../contract/generated';
import { formatBytes, formatDuration, formatNumber } from '../../present/numbers';
import { alertLine } from '../../present/alertText';
import { checkpointLabel, timeLeft } from '../../present/labels';
import { nameOfRun, stateSentence } from '../../present/sentence';
import { showControlCharacters } from '../../present/text';
import type { Action, Activity, Fact, Header, Notice, RequestId, RequestNote } from '../../protocol/runPanel';
import { whyNotAsk } from '../../rundir/guard';
import type { RunSummary } from '../../rundir/runs';
import { foldAlerts } from '../../telemetry/alerts';
import type { History } from '../../telemetry/history';

/** Alerts, warnings and errors that are shown besides the newest ones have scrolled away: the log has them all. */
const SHOWN_NOTICES = 4;

function amountOf({ done, total, unit }: ProgressEvent): string {
  const bytes = /^(bytes?|B)$/.test(unit);
  const one = (n: number): string => (bytes ? formatBytes(n) : n.toLocaleString('en'));
  const suffix = bytes || unit === '' ? '' : ` ${unit}`;
  if (total === null) return done > 0 ? `${one(done)}${suffix}` : '';
  return total > 0 ? `${one(done)} of ${one(total)}${suffix}` : '';
}

function activityOf(summary: RunSummary, history: History): Activity | null {
  if (!summary.active) return null;
  const { progress } = history;
  if (progress !== undefined) {
    const { what, done, total } = progress;
    return { what, amount: amountOf(progress), share: total !== null && total > 0 ? Math.max(0, Math.min(1, done / total)) : null };
  }
  const activity = summary.status?.activity ?? null;
  return activity === null || (activity === 'training' && history.lastStep > 0) ? null : { what: activity, amount: '', share: null };
}

const parameterCount = (count: number | undefined): string => {
  if (count === undefined) return '';
  if (count >= 1e9) return `${formatNumber(count / 1e9)} B`;
  if (count >= 1e6) return `${formatNumber(count / 1e6)} M`;
  return count >= 1e3 ? `${formatNumber(count / 1e3)} k` : String(count);
};

function factsOf(summary: RunSummary, history: History): Fact[] {
  const { start } = history;
  const { run } = summary;
  const facts: Fact[] = [];
  for (const [label, model] of [['teacher', run?.config.teacher.model], ['student', run?.config.student.model]] as const) {
    if (model === undefined) continue;
    const count = parameterCount(start?.parameters[label]);
    const name = path.isAbsolute(model) ? path.basename(model) : model;
    // A folder called "teacher" tells nothing about the teacher.
    const parts = [name === label ? '' : name, count === '' ? '' : `${count} parameters`].filter((part) => part !== '');
    facts.push({ label, value: parts.length > 0 ? parts.join(', ') : name, detail: model });
  }
  if (start) {
    const versions = Object.entries(start.versions).map(([name, version]) => `${name} ${version ?? ''}`).join(', ');
    facts.push({ label: 'device', value: `${start.device}, ${start.precision}, ${start.threads} thread${start.threads === 1 ? '' : 's'}`, detail: versions });
    const rows = Object.entries(start.rows).map(([name, count]) => `${name} ${(count ?? 0).toLocaleString('en')}`).join(', ');
    const train = start.rows['train'];
    if (train !== undefined) facts.push({ label: 'training rows', value: train.toLocaleString('en'), detail: rows });
  }
  if (run?.parent) {
    const { parent } = run;
    const value = `${checkpointLabel(parent.checkpoint)} of ${nameOfRun(parent.run)}`;
    facts.push({ label: 'forked from', value: showControlCharacters(value), detail: showControlCharacters(`${parent.run}, ${parent.path}`) });
  }
  const provenance = run?.provenance;
  if (provenance?.git === true && provenance.commit !== null) {
    facts.push({ label: 'commit', value: `${provenance.commit.slice(0, 7)}${provenance.dirty ? ' + changes' : ''}`, detail: provenance.branch === null ? '' : `branch ${provenance.branch}` });
  }
  const attempt = summary.status?.attempt ?? 1;
  const restarts = summary.status?.restarts ?? 0;
  if (attempt > 1) {
    const detail = restarts > 0 ? `Restarted ${restarts === 1 ? 'once' : `${restarts} times`} by itself after a crash.` : 'The run was resumed.';
    facts.push({ label: 'attempt', value: String(attempt), detail });
  }
  return facts;
}

/** `noControl`: why nothing may be asked from here at all. */
function actionsOf(summary: RunSummary, sampled: number, noControl: string | undefined): Action[] {
  const ask = (id: RequestId, label: string): Action => ({ id, label, reason: noControl ?? whyNotAsk(summary, id) ?? null });
  const { state, gone, forsaken } = summary;
  if (gone) return [];
  const resumable = state === 'failed' || state === 'stopped' || state === 'lost' || forsaken;
  const control: Action[] = summary.active || (state === 'unknown' && !forsaken)
    ? [
        state === 'stopping' ? ask('kill', 'Stop now') : ask('stop', 'Stop'),
        state === 'paused' ? ask('continue', 'Continue') : ask('pause', 'Pause'),
        ask('checkpoint', 'Save checkpoint'),
        ask('evaluate', 'Evaluate'),
      ]
    : [
        ...(resumable ? [{ id: 'resume', label: 'Resume', reason: noControl ?? null } as const] : []),
        { id: 'fork', label: 'Fork', reason: noControl ?? (sampled > 0 ? null : 'There is no checkpoint that a fork could start from.') },
      ];
  return [
    ...control,
    { id: 'compare', label: 'Compare samples', reason: sampled > 0 ? null : 'There are no samples yet: they come with the first checkpoint.' },
    { id: 'log', label: 'Show log', reason: null },
    { id: 'config', label: 'Open config', reason: null },
    { id: 'folder', label: 'Reveal folder', reason: null },
  ];
}

/** What the checks at the start noted: the first, and how many more there are. */
function notesText(first: string, count: number): string {
  const text = showControlCharacters(first);
  return count === 1 ? text : `${text} (The first of ${count} notes at the start; the log has all of them, and so has Check in the config.)`;
}

function noticesOf(summary: RunSummary, history: History, journal: readonly JournalEntry[]): Notice[] {
  const notices: Notice[] = [];
  if (summary.problem !== undefined) notices.push({ level: 'error', text: summary.problem });
  if (history.unreadable) {
    const { count, reason } = history.unreadable;
    notices.push({ level: 'warning', text: `${count} line${count === 1 ? '' : 's'} of events.jsonl could not be read (${reason}); the rest is shown.` });
  }
  const missing = history.gaps.reduce((sum, { from, to }) => sum + to - from + 1, 0);
  if (missing > 0) notices.push({ level: 'warning', text: `${missing} event${missing === 1 ? ' is' : 's are'} missing from events.jsonl: charts have a hole there.` });
  const notes = history.messages.filter((message) => typeof message.pointer === 'string');
  const said = [
    ...foldAlerts(history.alerts, journal)
      .map((alert) => ({ t: alert.t, level: alert.level, text: alertLine(alert), responses: alert.samples.length > 0 })),
    ...history.messages.filter((message) => message.level !== 'info' && !notes.includes(message))
      .map(({ t, level, text }) => ({ t, level, text: showControlCharacters(text), responses: false })),
    ...notes.slice(0, 1).map(({ t, text }) => ({ t, level: 'warning' as const, text: notesText(text, notes.length), responses: false })),
  ].sort((a, b) => a.t - b.t);
  const shown = said.slice(-SHOWN_NOTICES);
  notices.push(...shown.map(({ level, text, responses }) => (responses ? { level, text, responses } : { level, text })));
  return notices;
}

/** The plan as the trainer announced it; before that nothing is known but its total. */
function planOf(history: History): readonly PhasePlan[] {
  return history.start?.plan ?? [];
}

export interface HeaderSources {
  readonly summary: RunSummary;
  readonly history: History;
  /** What the supervisor noted down. */
  readonly journal?: readonly JournalEntry[];
  /** What was asked from this panel. */
  readonly request: RequestNote | null;
  /** Unix time. */
  readonly now: number;
  /** Why nothing may be asked from here at all. */
  readonly noControl?: string | undefined;
}

export function buildHeader({ summary, history, journal = [], request, now, noControl }: HeaderSources): Header {
  const { status } = summary;
  const total = history.start?.total ?? status?.total ?? 0;
  const ended = !summary.active;
  const cause = summary.state === 'failed' ? (history.end?.cause ?? summary.exit?.cause ?? status?.reason ?? null) : null;
  const started = status?.started ?? summary.created;
  const until = ended ? (history.end?.t ?? status?.heartbeat ?? history.lastTime) : now;
  const lasted = until > started ? formatDuration(until - started) : null;
  return {
    id: summary.id,
    name: showControlCharacters(summary.name),
    state: summary.state,
    // The cause stands in a box of its own.
    text: cause !== null && cause === summary.text ? `The trainer failed${history.lastStep > 0 ? ` at step ${history.lastStep}` : ' before its first step'}. Its last cause:` : showControlCharacters(stateSentence(summary, now)),
    active: summary.active,
    step: Math.max(history.lastStep, summary.active ? 0 : (status?.step ?? 0)),
    total,
    phases: planOf(history),
    timeLeft: summary.active ? (timeLeft(status?.eta) ?? null) : null,
    elapsed: lasted === null ? null : ended ? `took ${lasted}` : `${lasted} so far`,
    activity: activityOf(summary, history),
    cause: cause === null ? null : showControlCharacters(cause),
    facts: factsOf(summary, history),
    actions: actionsOf(summary, history.samples.filter(({ checkpoint }) => checkpoint !== 'teacher').length, noControl),
    request,
    notices: noticesOf(summary, history, journal),
    events: history.lastSeq + 1 - history.gaps.reduce((sum, { from, to }) => sum + to - from + 1, 0),
  };
}
