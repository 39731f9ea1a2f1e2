import type { PhasePlan } from '../contract/generated';
import { describeStart, describeProgress } from '../present/events';
import { timeLeft } from '../present/labels';
import { formatMetric, metricLabel } from '../present/numbers';
import { progressBar, sparkline } from '../present/sparkline';
import { displayWidth, fit, pad } from '../present/width';
import type { RunSummary } from '../rundir/runs';
import type { History } from '../telemetry/history';
import { oneLine, type Paint } from './terminal';

/** What a person watches in a phase of that method: of each row the first that there is. */
const watched: Readonly<Record<string, readonly (readonly string[])[]>> = {
  sft: [['loss/sft', 'loss/total']],
  minillm: [['kl/reverse', 'kl/reverse_mixed', 'loss/single', 'loss/total'], ['reward/mean'], ['length/mean']],
};
/** Labels that are too long for a line with a bar. */
const shortLabels: Readonly<Record<string, string>> = { 'kl/reverse_mixed': 'reverse KL, mixed', 'length/mean': 'length' };
const spinner = '⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏';

/**
 * The part of the screen that is drawn anew while a run goes on: a line per phase with bar, numbers and a small curve,
 * and what the trainer is busy with. Pure, so that it can be looked at without a terminal. `frame` turns the spinner.
 */
export function progressLines(summary: RunSummary, history: History, columns: number, paint: Paint, frame: number): string[] {
  const plan = history.start?.plan ?? [];
  const lines = history.start ? [`  ${paint.dim(describeStart(history.start))}`] : [];
  const width = Math.max(3, ...plan.map(({ method }) => method.length));
  const counts = Math.max(0, ...plan.map(({ steps }) => 2 * String(steps).length + 1));
  const bar = Math.max(10, Math.min(32, Math.floor(columns / 3) - 6));
  const looks = { bar, width, counts, paint, frame, columns: columns - 1 };
  plan.forEach((phase, index) => lines.push(phaseLine(phase, index, summary, history, looks)));
  const activity = summary.active ? activityText(summary, history) : undefined;
  if (activity !== undefined) lines.push(`  ${paint.cyan(spinner[frame % spinner.length] ?? '')} ${paint.dim(activity)}`);
  return lines.map((line) => fit(line, columns - 1));
}

interface Looks {
  readonly bar: number;
  readonly width: number;
  /** Columns of "done/steps". */
  readonly counts: number;
  readonly paint: Paint;
  readonly frame: number;
  readonly columns: number;
}

function phaseLine(phase: PhasePlan, index: number, summary: RunSummary, history: History, looks: Looks): string {
  const { bar, width, counts, paint, frame, columns } = looks;
  const done = Math.max(0, Math.min(phase.steps, history.lastStep - phase.firstStep + 1));
  const entered = history.phases.some((one) => one.index === index);
  const whole = done === phase.steps;
  const current = entered && !whole;
  const { filled, rest } = progressBar(done / phase.steps, bar);
  const turning = summary.active ? paint.cyan(spinner[frame % spinner.length] ?? '') : paint.yellow('■');
  const mark = whole ? paint.green('✔') : current ? turning : paint.dim('·');
  const count = pad(`${done}/${phase.steps}`, counts, 'right');
  const left = current && summary.state === 'running' ? timeLeft(summary.status?.eta) : undefined;
  const front = whole ? paint.green(filled) : paint.cyan(filled);
  const parts = [`  ${mark} ${pad(phase.method, width)}`, front + paint.dim(rest), count];
  if (left !== undefined) parts.push(paint.dim(left));
  // As many numbers as there is room for, rather without their curve than not at all: a cut one would mislead.
  const fits = (text: string): boolean => displayWidth([...parts, text].join('  ')) <= columns;
  for (const forms of entered ? numbersOf(phase, history, paint) : []) {
    const form = forms.find(fits);
    if (form === undefined) break;
    parts.push(form);
  }
  return parts.join('  ');
}

/** What is watched, each in the forms that it may take, the richest first. */
function numbersOf(phase: PhasePlan, history: History, paint: Paint): string[][] {
  return (watched[phase.method] ?? [['loss/total']]).flatMap((names, i) => {
    for (const name of names) {
      const { mean } = history.series.get(name)?.thin(12, phase.firstStep, phase.firstStep + phase.steps - 1) ?? { mean: [] };
      const last = mean.at(-1);
      if (last === undefined) continue;
      const number = `${paint.dim(shortLabels[name] ?? metricLabel(name))} ${formatMetric(name, last)}`;
      return [i === 0 && mean.length > 3 ? [`${number} ${paint.blue(sparkline(mean))}`, number] : [number]];
    }
    return [];
  });
}

/** What keeps the run from training, in words; undefined while it trains. */
function activityText(summary: RunSummary, history: History): string | undefined {
  const { progress } = history;
  if (summary.state !== 'running' && summary.state !== 'starting') return oneLine(summary.text);
  if (progress === undefined) return history.start === undefined || summary.state === 'starting' ? (summary.status?.activity ?? 'starting') : undefined;
  return describeProgress(progress);
}
