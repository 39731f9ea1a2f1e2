import type { Sample } from '../contract/generated';
import { formatShare } from '../present/numbers';

/** The score that tells most, in a word or two: of what is not exact it is the overlap. */
export function scoreWord({ score, stop }: Sample): string {
  const parts: string[] = [];
  if (score['exact'] === 1) parts.push('exact');
  else if (score['rougeL'] !== undefined) parts.push(`Rouge-L ${formatShare(score['rougeL'])}`);
  if (stop === 'length') parts.push('cut off');
  return parts.join(', ');
}
