import type { EvaluationEvent, Event, ProgressEvent, StartEvent } from '../contract/generated';
import { checkpointLabel } from './labels';
import { formatBytes, formatCount, formatDuration, formatMetric, formatNumber, metricLabel } from './numbers';

/** Metrics that a line about a step, a round or an evaluation names, in this order, as far as it has them. */
const inLines = [
  'loss/total', 'loss/sft', 'loss/single', 'kl/reverse', 'kl/reverse_mixed', 'reward/mean', 'entropy/student',
  'eval/kl_reverse', 'eval/accuracy_sampled', 'eval/accuracy_greedy', 'eval/rougeL_sampled', 'eval/rougeL_greedy',
];
const MOST = 4;

function metricsText(metrics: Readonly<Record<string, number | undefined>>): string {
  // Where nothing matches exactly, exact match says nothing: the softer score takes its place.
  const idle = (name: string): boolean => name.startsWith('eval/accuracy') && metrics[name] === 0 && metrics['eval/rougeL_sampled'] !== undefined;
  const named = inLines.filter((name) => metrics[name] !== undefined && !idle(name)).slice(0, MOST);
  return named.map((name) => `${metricLabel(name)} ${formatMetric(name, metrics[name] ?? NaN)}`).join(' · ');
}

/** What is trained where: "cpu, fp32, 2 threads · teacher 1.78 M, student 58.9 k parameters". */
export function describeStart({ device, precision, threads, parameters }: StartEvent): string {
  const models = ['teacher', 'student'].filter((name) => parameters[name] !== undefined).map((name) => `${name} ${formatCount(parameters[name] ?? 0)}`);
  const where = [device, precision, ...(device === 'cpu' ? [`${threads} thread${threads === 1 ? '' : 's'}`] : [])].join(', ');
  return models.length > 0 ? `${where} · ${models.join(', ')} parameters` : where;
}

/** Who was scored, and on what: "step 120", "teacher", "start at temperature 0.52". */
export function describeSubject({ subject, checkpoint, temperature, full, rows }: EvaluationEvent): string {
  const who = subject === 'teacher' ? 'teacher' : subject === 'control' ? `sharpening control (τ ${formatNumber(temperature)})` : checkpointLabel(checkpoint);
  return full ? `${who}, all ${rows} rows` : who;
}

/** "evaluating 120 of 500", "downloading gpt2 1.2 MB of 548 MB". */
export function describeProgress({ what, done, total, unit }: ProgressEvent): string {
  const amount = unit === 'bytes' ? formatBytes : formatCount;
  if (total === null && done === 0) return what;
  return `${what} ${amount(done)}${total === null ? '' : ` of ${amount(total)}`}`;
}

/** An event in one line, or undefined where a reader of lines learns nothing from it. */
export function describeEvent(event: Event): string | undefined {
  switch (event.kind) {
    case 'start':
      return `${describeStart(event)} · ${event.total} steps`;
    case 'phase':
      return `phase ${event.index + 1}: ${event.method}, steps ${event.firstStep} to ${event.firstStep + event.steps - 1}`;
    case 'step':
      return `step ${event.step}  ${metricsText(event.metrics)}`;
    case 'rollout':
      return `round ${event.round}  ${metricsText(event.metrics)}`;
    case 'evaluation':
      return `${describeSubject(event)}: ${metricsText(event.metrics)}`;
    case 'checkpoint':
      return `checkpoint ${event.name} (${formatBytes(event.bytes)}, ${formatDuration(event.seconds)})`;
    case 'samples':
      return `${event.count} samples of ${checkpointLabel(event.checkpoint)}`;
    case 'alert':
      return `${event.level}: ${event.text} (step ${event.step})`;
    case 'control':
      return `${event.verb}: ${event.outcome} (step ${event.step})`;
    case 'resume':
      return `resumed from ${checkpointLabel(event.checkpoint)}`;
    case 'message':
      return event.level === 'info' ? event.text : `${event.level}: ${event.text}`;
    case 'progress':
      return describeProgress(event);
    case 'end':
      return `${event.reason} at step ${event.step}${event.cause === null ? '' : `: ${event.cause}`}`;
  }
}
