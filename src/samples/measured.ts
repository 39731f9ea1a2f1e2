/* What was measured of a response, in a few words: the same ones wherever it is read. */
import type { Sample } from '../contract/generated';
import { formatNumber, formatShare } from '../present/numbers';

/** Of a response in which more of the runs of four tokens came before than this, it is said: less is in many a good text. */
const REPETITION = 0.05;

const isExact = ({ score }: Sample): boolean => score['exact'] === 1;

/** Scores against the references: of what equals one there is no more to say. */
export function scoresOf(sample: Sample): string[] {
  if (isExact(sample)) return ['exact'];
  const { errorRate, rougeL } = sample.score;
  return [
    ...(errorRate === undefined ? [] : [`error rate ${formatShare(errorRate)}`]), ...(rougeL === undefined ? [] : [`Rouge-L ${formatShare(rougeL)}`]),
  ];
}

/** How far from the teacher, per token and in all, and over how many tokens. */
export function measuresOf({ kl, klSequence, length }: Pick<Sample, 'kl' | 'klSequence' | 'length'>): string[] {
  return [
    ...(typeof kl === 'number' ? [`KL ${formatNumber(kl)}`] : []),
    ...(typeof klSequence === 'number' ? [`sequence KL ${formatNumber(klSequence)}`] : []),
    ...(length > 0 ? [`${length} token${length === 1 ? '' : 's'}`] : []),
  ];
}

/** What is wrong with how it went, whatever it says. */
export function faultsOf({ stop, length, repetition }: Sample): string[] {
  return [
    ...(stop !== 'eos' && length > 0 ? ['cut off'] : []),
    ...(repetition > REPETITION ? [`repeats itself (${Math.round(100 * repetition)} %)`] : []),
  ];
}

/** Everything. */
export function describeSample(sample: Sample): string {
  return [...scoresOf(sample), ...measuresOf(sample), ...faultsOf(sample)].join(' · ');
}

/**
 * What a person wants to know of a response besides its text, where there is something to know: nothing that changes while the
 * text stays, and no word for what is plain from the reference above.
 */
export function verdictOf(sample: Sample): string {
  return [...(isExact(sample) ? ['exact'] : []), ...faultsOf(sample)].join(', ');
}

/** What the verdict leaves out, for a place as narrow as a side of a diff: of the scores the first, and how far from the teacher. */
export function numbersOf(sample: Sample): string {
  const { kl, klSequence } = sample;
  const inAll = typeof klSequence === 'number' ? `, in all ${formatNumber(klSequence)}` : '';
  return [...(isExact(sample) ? [] : scoresOf(sample).slice(0, 1)), ...(typeof kl === 'number' ? [`KL ${formatNumber(kl)}${inAll}`] : [])].join(' · ');
}

/** The score that tells most, in a word or two: of what is not exact it is the overlap. */
export function scoreWord(sample: Sample): string {
  return [...scoresOf(sample).slice(-1), ...faultsOf(sample)].join(', ');
}
