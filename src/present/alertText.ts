import type { RunAlert } from '../telemetry/alerts';
import { formatNumber } from './numbers';
import { showControlCharacters } from './text';

const done: Readonly<Record<string, string>> = {
  checkpoint: 'A checkpoint was saved.', pause: 'The run was paused.', stop: 'The run was stopped.',
};

/** One line: where, what, how often, and what was done about it. */
export function alertLine({ step, text, count, action }: RunAlert): string {
  const where = step === undefined ? '' : `Step ${step}: `;
  const often = count > 1 ? ` (${count} times)` : '';
  return showControlCharacters(`${where}${text.replace(/\s+/g, ' ').trim()}${often}${done[action] === undefined ? '' : ` ${done[action]}`}`);
}

/** "2 alerts", or nothing. */
export function alertCount(alerts: readonly RunAlert[]): string | undefined {
  return alerts.length === 0 ? undefined : `${alerts.length} alert${alerts.length === 1 ? '' : 's'}`;
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
    lines.push('');
  }
  return `${lines.join('\n').trimEnd()}\n`;
}
