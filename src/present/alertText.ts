import type { GuardWords, RunAlert } from '../telemetry/alerts';
import { formatNumber } from './numbers';
import { showControlCharacters } from './text';

const done: Readonly<Record<string, string>> = {
  checkpoint: 'A checkpoint was saved.', pause: 'The run was paused.', stop: 'The run was stopped.',
};

/** Of a guard that spoke again and again the report lists so many alerts, the newest. */
const LISTED = 200;

/** One line: where, what, and what was done about it. */
function wordsLine({ step, text, action }: GuardWords, often = ''): string {
  const where = step === undefined ? '' : `Step ${step}: `;
  return showControlCharacters(`${where}${text.replace(/\s+/g, ' ').trim()}${often}${done[action] === undefined ? '' : ` ${done[action]}`}`);
}

/** A guard's newest words in one line, and how often it spoke. */
export function alertLine(alert: RunAlert): string {
  return wordsLine(alert, alert.earlier.length > 0 ? ` (${alert.earlier.length + 1} times)` : '');
}

/** "2 alerts", or nothing. */
export function alertCount(alerts: readonly RunAlert[]): string | undefined {
  return alerts.length === 0 ? undefined : `${alerts.length} alert${alerts.length === 1 ? '' : 's'}`;
}

/** What a guard said before, the newest first. */
function earlierLines(earlier: readonly GuardWords[]): string[] {
  if (earlier.length === 0) return [];
  // The supervisor knows of no steps: the time tells.
  const place = ({ step, t }: GuardWords): string => (step === undefined ? `${new Date(t * 1000).toLocaleString()}: ` : '');
  const listed = earlier.slice(-LISTED).reverse().map((words) => `    ${place(words)}${wordsLine(words)}`);
  const left = earlier.length - listed.length;
  return ['  Before that:', ...listed, ...(left > 0 ? [`    (${left} older ones are in the run's events.jsonl and journal.jsonl)`] : [])];
}

/** Everything that guards said about a run: sentences, numbers, the responses that show it. */
export function alertReport(name: string, alerts: readonly RunAlert[]): string {
  const lines = [`Alerts of ${showControlCharacters(name)}`, ''];
  if (alerts.length === 0) lines.push('No guard has raised an alert.');
  for (const alert of [...alerts].reverse()) {
    lines.push(`${showControlCharacters(alert.rule)}  ${alertLine(alert)}`, `  at ${new Date(alert.t * 1000).toLocaleString()}`);
    const numbers = Object.entries(alert.numbers).map(([key, value]) => `${showControlCharacters(key)} ${formatNumber(value ?? NaN)}`);
    if (numbers.length > 0) lines.push(`  ${numbers.join(', ')}`);
    if (alert.samples.length > 0) lines.push('  Responses that show it:');
    for (const sample of alert.samples) lines.push(`    ${showControlCharacters(sample).split('\n').join('\n    ')}`);
    lines.push(...earlierLines(alert.earlier), '');
  }
  return `${lines.join('\n').trimEnd()}\n`;
}
