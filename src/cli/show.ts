import { describeStart } from '../present/events';
import { formatBytes, formatDuration } from '../present/numbers';
import { showControlCharacters } from '../present/text';
import { listCheckpoints } from '../rundir/checkpoints';
import { findRun } from '../rundir/find';
import { readHistory } from '../rundir/follow';
import { readJournal } from '../rundir/journal';
import type { RunSummary } from '../rundir/runs';
import { folderSize } from '../rundir/size';
import { csvLines, jsonLines } from '../telemetry/export';
import { type Call, type Command, exitCodes, json, runs, UsageError } from './command';
import { paintState, summaryJson } from './list';
import { printResults, resultsJson } from './results';
import { oneLine, type Terminal } from './terminal';

export const show: Command = {
  name: 'show',
  operands: ['run'],
  summary: 'Show a run: its state, where it came from, its checkpoints and scores.',
  notes: ['A run is named by its id, the beginning of one, "latest", or the path of its folder.'],
  options: { export: { value: 'csv|jsonl', text: 'Print every metric at every step instead.' }, runs, json },
  run: showCommand,
};

async function showCommand(call: Call): Promise<number> {
  const { terminal } = call;
  const format = call.text('export');
  if (format !== undefined && format !== 'csv' && format !== 'jsonl') throw new UsageError(`--export takes csv or jsonl, not "${format}".`);
  const dir = await findRun(call.runsFolder, call.operand(0));
  const { summary, history } = await readHistory(dir);
  if (format !== undefined) {
    if (format === 'jsonl') terminal.lines(jsonLines(summary.id, history.series));
    else for (const line of csvLines(summary.id, history.series)) terminal.line(showControlCharacters(line));
    return exitCodes.finished;
  }
  const [checkpoints, journal, bytes] = await Promise.all([listCheckpoints(dir), readJournal(dir), folderSize(dir)]);
  if (call.is('json')) {
    const { run } = summary;
    terminal.json({
      ...summaryJson(summary), ...(resultsJson(summary, history) as object), bytes, checkpoints, journal, start: history.start ?? null,
      alerts: history.alerts, gaps: history.gaps, unreadable: history.unreadable ?? null,
      config: run?.config ?? null, provenance: run?.provenance ?? null, environment: run?.environment ?? null,
    });
    return exitCodes.finished;
  }
  const { paint } = terminal;
  terminal.line(`${paint.bold(oneLine(summary.name))}  ${paintState(summary.state, paint)}  ${paint.dim(oneLine(summary.text))}`);
  printFacts(summary, [
    ['models', history.start && describeStart(history.start)],
    ['steps', history.start && `${history.lastStep} of ${history.start.total}${history.phases.length > 0 ? ` (${history.start.plan.map(({ method, steps }) => `${method} ${steps}`).join(', ')})` : ''}`],
    ['size', `${formatBytes(bytes)}, ${checkpoints.length} checkpoint${checkpoints.length === 1 ? '' : 's'}`],
    ['ended', journal.findLast(({ kind }) => kind === 'exit')?.text],
    ['problem', summary.problem],
    ['unread', history.unreadable && `${history.unreadable.count} lines of events.jsonl could not be used (${history.unreadable.reason})`],
    ['missing', history.gaps.length > 0 ? `events ${history.gaps.map(({ from, to }) => (from === to ? String(from) : `${from}–${to}`)).join(', ')} are not there` : undefined],
  ], terminal);
  for (const alert of history.alerts) terminal.line(`  ${paint.yellow(`${alert.level}, step ${alert.step}`)}  ${oneLine(alert.text)}`);
  printResults(history, terminal);
  return exitCodes.finished;
}

/** Facts below each other, their names dimmed; those that are not known are left out. */
function printFacts(summary: RunSummary, facts: readonly (readonly [string, string | undefined])[], terminal: Terminal): void {
  const { run, status } = summary;
  const all = [
    ['folder', summary.dir],
    ['config', run?.configSource],
    ['started', `${new Date(1000 * summary.created).toLocaleString()}${status ? `, ${formatDuration(status.heartbeat - status.started)} of work` : ''}`],
    ['python', run && `${run.environment.python} (${run.environment.reason})`],
    ['git', run && gitText(run.provenance)],
    ...facts,
  ] as const;
  for (const [name, text] of all) if (text !== undefined) terminal.line(`  ${terminal.paint.dim(name.padEnd(9))}${oneLine(text)}`);
}

function gitText({ commit, branch, dirty, reason, untracked, untrackedLeftOut }: NonNullable<RunSummary['run']>['provenance']): string {
  if (commit === null) return reason ?? 'unknown';
  const files = untracked.length + untrackedLeftOut.length;
  const changes = dirty ? `, with changes${files > 0 ? ` and ${files} untracked file${files === 1 ? '' : 's'}` : ''}` : '';
  return `${commit.slice(0, 10)}${branch === null ? '' : ` on ${branch}`}${changes}`;
}
