/* What a token is coloured by, and which tokens are the worst. */
import type { Token } from './tokenDetail';

export type Measure = 'gap' | 'surprise' | 'entropy' | 'reward';

export const measures: readonly Measure[] = ['gap', 'surprise', 'entropy', 'reward'];

export interface MeasureLook {
  readonly label: string;
  /** What it is, in one sentence. */
  readonly detail: string;
  /** Nats from which on a token has the first, second, third colour; of a two-sided measure below zero likewise. */
  readonly steps: readonly [number, number, number];
  readonly twoSided: boolean;
}

export const measureLooks: Readonly<Record<Measure, MeasureLook>> = {
  gap: {
    label: 'teacher–student gap',
    detail: 'Log-probability under the teacher less that under the student: below zero the student likes the token better than the teacher does.',
    steps: [0.1, 0.7, 2],
    twoSided: true,
  },
  surprise: {
    label: 'student surprise',
    detail: 'Minus the log-probability under the student: how little the student itself expected what it drew.',
    steps: [0.4, 0.7, 2],
    twoSided: false,
  },
  entropy: {
    label: 'student entropy',
    detail: 'How undecided the student was: 0 is certain, 0.7 is a coin.',
    steps: [0.4, 0.7, 2],
    twoSided: false,
  },
  reward: {
    label: 'reward from here on',
    detail: 'Mean reward of this token and all after it: what a policy gradient makes of the choice.',
    steps: [0.05, 0.3, 1],
    twoSided: true,
  },
};

export const isMeasure = (text: unknown): text is Measure => measures.includes(text as Measure);

/** How a token stands out: −3 to −1 is what costs, 1 to 3 what the teacher likes better than the student; 0 is left plain. */
export type Level = -3 | -2 | -1 | 0 | 1 | 2 | 3;

/** The levels that have a colour. One decoration each: more would be more than an eye tells apart. */
export const levels: readonly Exclude<Level, 0>[] = [-3, -2, -1, 1, 2, 3];

/** The value of each token in nats; undefined where nobody measured it. */
export function valuesOf(tokens: readonly Token[], measure: Measure): (number | undefined)[] {
  switch (measure) {
    case 'gap':
      return tokens.map(({ logpStudent: q, logpTeacher: p }) => (q === undefined || p === undefined ? undefined : p - q));
    case 'surprise':
      // Of the teacher's own words the teacher's surprise tells.
      return tokens.map(({ logpStudent, logpTeacher }) => negative(logpStudent ?? logpTeacher));
    case 'entropy':
      return tokens.map(({ entropyStudent, entropyTeacher }) => entropyStudent ?? entropyTeacher);
    case 'reward':
      return rewardsToGo(tokens);
  }
}

const negative = (value: number | undefined): number | undefined => (value === undefined ? undefined : -value);

function rewardsToGo(tokens: readonly Token[]): (number | undefined)[] {
  const out: (number | undefined)[] = [];
  let sum = 0;
  let count = 0;
  for (const { reward } of [...tokens].reverse()) {
    if (reward !== undefined) {
      sum += reward;
      count++;
    }
    out.push(reward === undefined ? undefined : sum / count);
  }
  return out.reverse();
}

export function levelOf(value: number | undefined, measure: Measure): Level {
  if (value === undefined) return 0;
  const { steps, twoSided } = measureLooks[measure];
  const size = Math.abs(value);
  const level = size >= steps[2] ? 3 : size >= steps[1] ? 2 : size >= steps[0] ? 1 : 0;
  if (level === 0) return 0;
  // Of a one-sided measure more is worse.
  return (twoSided && value > 0 ? level : -level) as Level;
}

/** How much worse than harmless a token is by this measure. */
const badness = (value: number | undefined, measure: Measure): number =>
  value === undefined ? -Infinity : measureLooks[measure].twoSided ? -value : value;

/** Places of the tokens that stand out as costly, the worst first. */
export function worstTokens(values: readonly (number | undefined)[], measure: Measure): number[] {
  return values
    .map((value, place) => ({ place, level: levelOf(value, measure), bad: badness(value, measure) }))
    .filter(({ level }) => level < 0)
    .sort((a, b) => b.bad - a.bad || a.place - b.place)
    .map(({ place }) => place);
}

export interface Cost {
  readonly place: number;
  /** Nats. */
  readonly cost: number;
}

/** The tokens that cost most: by exact reverse KL where that is known, else by surprise. At most `count`, none that cost nothing. */
export function dearestTokens(tokens: readonly Token[], count = 3): Cost[] {
  return tokens
    .map(({ kl, logpStudent, logpTeacher }, place) => ({ place, cost: kl ?? negative(logpStudent ?? logpTeacher) ?? 0 }))
    .filter(({ cost }) => cost >= 0.005)
    .sort((a, b) => b.cost - a.cost || a.place - b.place)
    .slice(0, count);
}
