import { alertCount, alertLine } from '../../present/alertText';
import type { CheckpointRow } from '../../present/checkpoints';
import { checkpointLabel, progressText, stateLook, timeLeft } from '../../present/labels';
import { formatBytes, formatDuration, formatMetric, formatNumber, metricLabel } from '../../present/numbers';
import { countdown, nameOfRun, stateSentence } from '../../present/sentence';
import { showOnOneLine } from '../../present/text';
import type { SampleSizes } from '../../rundir/size';
import type { ListedRun } from './registry';

/* What the editor's lists say about runs, in words. */

const LONGEST_CAUSE = 100;

export function runLabel({ summary }: ListedRun): string {
  return showOnOneLine(summary.name, 80);
}

/** "14:03" for today, else "24 Nov, 14:03". */
function when(unixTime: number, now: Date): string {
  const date = new Date(unixTime * 1000);
  const time = date.toLocaleTimeString(undefined, { hour: '2-digit', minute: '2-digit' });
  if (date.toDateString() === now.toDateString()) return time;
  return `${date.toLocaleDateString(undefined, { day: 'numeric', month: 'short' })}, ${time}`;
}

function klText(kl: number | undefined): string | undefined {
  return kl === undefined ? undefined : `KL ${formatNumber(kl)}`;
}

function joined(...parts: (string | undefined)[]): string {
  return parts.filter((part) => part !== undefined && part !== '').join(' · ');
}

/** "step 120/900 · KL 0.48 · 1 min 20 s left" while it runs; how it ended afterwards. */
export function runDescription(run: ListedRun, now: Date): string {
  const alerts = alertCount(run.alerts.filter(({ level }) => level !== 'info'));
  const state = stateDescription(run, now);
  // What goes on may want a hand; what has ended wants its result read.
  return run.summary.active ? joined(alerts, state) : joined(state, alerts);
}

function stateDescription(run: ListedRun, now: Date): string {
  const { summary: { state, status, text, created }, kl } = run;
  const count = countdown(run.summary, now.getTime() / 1000);
  const step = status !== undefined && status.total > 0 && status.step > 0 ? `step ${status.step}/${status.total}` : undefined;
  switch (state) {
    case 'running':
      return joined(step ?? status?.activity ?? 'starting', klText(kl?.nats), timeLeft(status?.eta), lineage(run));
    case 'queued':
      return joined(waitsBehind(run) ?? stateLook(state).label, lineage(run));
    case 'starting':
      return joined(status?.activity ?? stateLook(state).label, count, lineage(run));
    case 'paused':
    case 'stopping':
    case 'stalled':
      return joined(stateLook(state).label, step, count);
    case 'finished':
      return joined(klText(kl?.nats), lineage(run), when(created, now));
    case 'stopped':
      return joined('stopped', step, klText(kl?.nats), lineage(run), when(created, now));
    case 'failed':
      return joined(`failed: ${showOnOneLine(text, LONGEST_CAUSE)}`);
    case 'lost':
    case 'unknown':
      return joined(stateLook(state).label, step, when(created, now));
  }
}

/** "fork of pronounce" */
function lineage({ summary: { run } }: ListedRun): string | undefined {
  return run?.parent ? `fork of ${showOnOneLine(nameOfRun(run.parent.run), 40)}` : undefined;
}

/** "waits behind pronounce and 2 more" */
function waitsBehind({ summary: { status } }: ListedRun): string | undefined {
  const [first, ...others] = status?.behind ?? [];
  return first === undefined ? undefined : `waits behind ${showOnOneLine(nameOfRun(first), 40)}${others.length > 0 ? ` and ${others.length} more` : ''}`;
}

/** The facts about a run as a table, one per line, for a tooltip. Plain text: the caller escapes it. */
export function runFacts(run: ListedRun): [label: string, value: string][] {
  const { summary: { status, run: record, created, problem, state }, kl } = run;
  const facts: [string, string][] = [];
  if (status && status.total > 0) facts.push(['Progress', progressText(status.step, status.total, status.activity)]);
  if (status?.phase) facts.push(['Phase', status.phase]);
  const left = timeLeft(status?.eta);
  if (run.summary.active && left !== undefined) facts.push(['Time', left]);
  if (kl !== undefined) {
    const where = kl.rows === undefined ? 'what it writes in training' : `${kl.rows.toLocaleString('en')} validation rows`;
    facts.push(['Reverse KL', `${formatNumber(kl.nats)} nats per token, on ${where}`]);
  }
  if (record) facts.push(['Teacher', record.config.teacher.model], ['Student', record.config.student.model]);
  if (record?.parent) facts.push(['Forked from', `${checkpointLabel(record.parent.checkpoint)} of ${record.parent.run}`]);
  facts.push(['Started', new Date(created * 1000).toLocaleString()]);
  if (status && !run.summary.active && state !== 'unknown') facts.push(['Took', formatDuration(status.heartbeat - status.started)]);
  if (status && status.attempt > 1) facts.push(['Attempt', `${status.attempt}${status.restarts > 0 ? `, of them ${status.restarts} by itself after a crash` : ''}`]);
  if (record?.provenance.commit) facts.push(['Commit', `${record.provenance.commit.slice(0, 10)}${record.provenance.dirty ? ', with changes' : ''}`]);
  if (status) facts.push(['Machine', status.host]);
  if (problem !== undefined) facts.push(['Problem', problem]);
  for (const alert of run.alerts) facts.push(['Alert', alertLine(alert)]);
  return facts.map(([label, value]) => [label, showOnOneLine(value, 200)]);
}

/** Why it is in this state, where that says more than the state's name does. */
export function runSentence({ summary }: ListedRun, now: Date): string {
  const text = stateSentence(summary, now.getTime() / 1000);
  return text.toLowerCase() === `${stateLook(summary.state).label}.` ? '' : showOnOneLine(text, 400);
}

/** What a screen reader says. */
export function runSpoken(run: ListedRun, now: Date): string {
  return `${runLabel(run)}, ${stateLook(run.summary.state).label}, ${runDescription(run, now).replaceAll(' · ', ', ')}`;
}

/** "KL 0.41 · exact 48.2 %" */
export function checkpointDescription(row: CheckpointRow, score: string): string {
  const value = row.metrics[score];
  return joined(
    klText(row.metrics['eval/kl_reverse']),
    value === undefined || score === 'eval/kl_reverse' ? undefined : `${shortLabel(score)} ${formatMetric(score, value)}`,
  );
}

function shortLabel(metric: string): string {
  return metricLabel(metric).replace(', greedy', '').replace('exact match', 'exact');
}

export function checkpointSpoken(row: CheckpointRow, score: string): string {
  const scores = checkpointDescription(row, score).replaceAll(' · ', ', ');
  return `Checkpoint at ${checkpointLabel(row.name)}, ${row.best ? 'the best, ' : ''}${scores}`;
}

function capitalized(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

export function checkpointFacts(row: CheckpointRow, { samples, tokens }: SampleSizes): [label: string, value: string][] {
  const facts: [string, string][] = [['Phase', row.phase], ['Size', formatBytes(row.bytes)]];
  if (samples > 0) facts.push(['Samples', `${formatBytes(samples)}${tokens === 0 ? '' : `, token by token ${formatBytes(tokens)}`}`]);
  for (const [metric, value] of Object.entries(row.metrics)) {
    if (value !== undefined) facts.push([capitalized(metricLabel(metric)), formatMetric(metric, value)]);
  }
  return facts;
}
