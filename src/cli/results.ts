import type { RunSummary } from '../rundir/runs';
import type { History } from '../telemetry/history';
import { formatMetric, metricLabel } from '../present/numbers';
import { type Column, formatTable } from '../present/table';
import { displayWidth } from '../present/width';
import { buildResults, type ResultRow, type ResultTable, type Results } from '../protocol/results';
import type { Terminal } from './terminal';

export function resultsOf(history: History): Results {
  return buildResults(history.evaluations, new Set(history.samples.map(({ checkpoint }) => checkpoint)), history.phases);
}

const cell = (metric: string, value: number | null): string => (value === null ? '–' : formatMetric(metric, value));

/** "exact match, sampled" stands in two lines, so that a column is no wider than its numbers need. */
const headOf = (metric: string): string => metricLabel(metric).replace(', ', '\n');

/** Checkpoints below each other, as many metrics as fit beside each other. */
function checkpointLines(table: ResultTable, terminal: Terminal): string[] {
  const { paint } = terminal;
  const rows = table.rows.map((row) => {
    const values = row.values.map((value, i) => {
      const text = cell(table.metrics[i] ?? '', value);
      return row.best.includes(i) ? paint.green(text) : row.id === 'teacher' ? paint.dim(text) : text;
    });
    return [row.label, row.id === 'teacher' ? '' : row.detail, ...values];
  });
  const columns: Column[] = [
    { head: 'checkpoint', align: 'left' }, { head: '', align: 'left' }, ...table.metrics.map((metric) => ({ head: headOf(metric), align: 'right' as const })),
  ];
  let shown = columns.length;
  const narrow = (): string[] => formatTable(columns.slice(0, shown), rows.map((row) => row.slice(0, shown)), paint.dim);
  let lines = narrow();
  while (shown > 3 && lines.some((line) => displayWidth(line) > terminal.columns - 2)) {
    shown--;
    lines = narrow();
  }
  const left = columns.length - shown;
  return left > 0 ? [...lines, paint.dim(`${left} more metric${left === 1 ? '' : 's'} in a wider terminal, or with --json`)] : lines;
}

/**
 * A line per metric, so that start, control, student and teacher, or several runs, stand side by side; those that have no room there
 * stand below.
 */
function finalLines(table: ResultTable, terminal: Terminal): string[] {
  const { paint } = terminal;
  const first: Column = { head: '', align: 'left' };
  const band = (some: readonly ResultRow[]): string[] => formatTable(
    [first, ...some.map(({ label, detail }) => ({ head: `${label}\n${shortDetail(detail)}`, align: 'right' as const }))],
    table.metrics.map((metric, i) => [metricLabel(metric), ...some.map((row) => {
      const text = cell(metric, row.values[i] ?? null);
      return row.best.includes(i) ? paint.green(text) : row.id === 'teacher' ? paint.dim(text) : text;
    })]),
    paint.dim,
  );
  const lines: string[] = [];
  for (let rest = table.rows; rest.length > 0;) {
    let shown = rest.length;
    while (shown > 1 && band(rest.slice(0, shown)).some((line) => displayWidth(line) > terminal.columns)) shown--;
    lines.push(...(lines.length > 0 ? [''] : []), ...band(rest.slice(0, shown)));
    rest = rest.slice(shown);
  }
  return lines;
}

const shortDetail = (detail: string): string => detail.replace('the start at temperature', 'start at τ');

/** Scores at the checkpoints and at the end, as a command prints them. */
export function printResults(history: History, terminal: Terminal): void {
  const { checkpoints, final, verdict } = resultsOf(history);
  const { paint } = terminal;
  if (checkpoints.rows.length > 0) {
    terminal.line();
    terminal.line(paint.bold(`Checkpoints, on ${checkpoints.count} validation rows`));
    terminal.lines(checkpointLines(checkpoints, terminal));
  }
  if (final.rows.length > 0) {
    terminal.line();
    terminal.line(paint.bold(`At the end, on ${final.count} validation rows`));
    terminal.lines(finalLines(final, terminal));
  }
  if (verdict !== null) {
    terminal.line();
    terminal.lines(wrap(verdict, Math.min(terminal.columns, 100)));
  }
}

/** The newest scores of several runs, a line per metric. */
export function printSideBySide(table: ResultTable, terminal: Terminal): void {
  terminal.line(terminal.paint.bold(`On ${table.count} validation rows`));
  terminal.lines(finalLines(table, terminal));
  // Heads of columns have no room for it.
  for (const { label, differs = [] } of table.rows) if (differs.length > 0) terminal.line(terminal.paint.yellow(`${label}: ${differs.join(', ')}`));
}

/** What JSON readers get of the same. */
export function resultsJson(summary: RunSummary, history: History): unknown {
  const { verdict } = resultsOf(history);
  const evaluations = history.evaluations.map(({ step, checkpoint, subject, full, rows, temperature, metrics }) =>
    ({ step, checkpoint, subject, full, rows, temperature, metrics }));
  const { id, dir, state, text } = summary;
  return { run: id, dir, state, text, step: history.lastStep, total: history.start?.total ?? 0, evaluations, verdict };
}

/** Breaks a paragraph into lines between words. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && displayWidth(line) + 1 + displayWidth(word) > width) {
      lines.push(line);
      line = word;
    } else {
      line = line === '' ? word : `${line} ${word}`;
    }
  }
  return [...lines, line];
}
