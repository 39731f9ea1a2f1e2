/* Which metrics share a chart, and which charts stand together. */
import { metricCatalogue } from '../../src/contract/generated';
import { metricLabel } from '../../src/present/numbers';

export interface ChartSpec {
  readonly id: string;
  readonly title: string;
  /** In the order of their colours. */
  readonly metrics: readonly string[];
}

export interface ChartGroup {
  readonly id: string;
  readonly title: string;
  readonly charts: readonly ChartSpec[];
}

const chart = (id: string, title: string, ...metrics: string[]): ChartSpec => ({ id, title, metrics });

/** Its metrics are more than there are colours, and no run has them all: here they go by place among those that it has. */
const LOSS = 'loss';

const GROUPS: readonly ChartGroup[] = [
  {
    id: 'objective', title: 'Objective', charts: [
      chart(
        LOSS, 'Loss and its parts', 'loss/total', 'loss/sft', 'loss/divergence', 'loss/single', 'loss/long', 'loss/policy', 'loss/lm',
        'loss/validation',
      ),
      chart('kl', 'Reverse KL to the teacher', 'eval/kl_reverse', 'kl/reverse', 'kl/reverse_mixed'),
      chart('reward', 'Reward', 'reward/mean', 'advantage/std'),
    ],
  },
  {
    id: 'quality', title: 'Scores at checkpoints', charts: [
      chart('accuracy', 'Exact match', 'eval/accuracy_sampled', 'eval/accuracy_greedy'),
      chart('errors', 'Error rate', 'eval/error_rate_sampled', 'eval/error_rate_greedy'),
      chart('rouge', 'Rouge-L', 'eval/rougeL_sampled', 'eval/rougeL_greedy'),
      chart('nll', 'Gold NLL', 'eval/nll_gold'),
    ],
  },
  {
    id: 'rollouts', title: 'Rollouts', charts: [
      chart('entropy', 'Entropy', 'entropy/student', 'eval/entropy'),
      chart('length', 'Response length', 'length/mean', 'eval/length'),
      chart('ends', 'How responses end', 'rate/eos', 'eval/truncated', 'share/teacher'),
      chart('whose', 'Whose responses', 'share/student', 'share/adaptive'),
      chart('weights', 'Importance weights', 'weight/ess', 'clip/high', 'clip/low'),
      chart('weight', 'Mean importance weight', 'weight/mean'),
      chart('ratio', 'How far the policy has moved', 'ratio/std'),
    ],
  },
  {
    id: 'machine', title: 'Optimizer and machine', charts: [
      chart('grad', 'Gradient norm', 'grad/norm'),
      chart('rate', 'Learning rate', 'rate/learning'),
      chart('speed', 'Speed', 'throughput/tokens', 'throughput/rollout'),
      chart('time', 'Time', 'time/step', 'time/rollout', 'time/evaluation'),
      chart('memory', 'Memory', 'memory/peak'),
    ],
  },
];

const placed = new Set(GROUPS.flatMap(({ charts }) => charts.flatMap(({ metrics }) => metrics)));

/**
 * The charts for what was measured. In all but that of the losses a metric keeps its colour whether or not the others have points. A
 * metric that no chart knows gets one of its own: nothing that a trainer writes stays unseen.
 */
export function chartsFor(metrics: readonly string[]): ChartGroup[] {
  const present = new Set(metrics);
  const groups = GROUPS.map((group) => ({
    ...group,
    charts: group.charts.filter((spec) => spec.metrics.some((metric) => present.has(metric)))
      .map((spec) => (spec.id === LOSS ? { ...spec, metrics: spec.metrics.filter((metric) => present.has(metric)) } : spec)),
  }));
  const others = metrics.filter((metric) => !placed.has(metric)).sort().map((metric) => chart(metric, metricLabel(metric), metric));
  if (others.length > 0) groups.push({ id: 'other', title: 'Also measured', charts: others });
  return groups.filter(({ charts }) => charts.length > 0);
}

export function unitOf(spec: ChartSpec): string {
  return spec.metrics.map((metric) => metricCatalogue[metric]?.unit).find((unit) => unit !== undefined) ?? '';
}
