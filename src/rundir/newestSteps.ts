/** Steps at the end that are taken in. */
const NEWEST = 20;

const isStep = (line: string): boolean => line.slice(0, 200).includes('"kind":"step"');

/**
 * Lines of events without those of older steps, which are nearly all there is: lists want the newest measure of a run, its
 * checkpoints, scores and alerts. What is left out is not even parsed.
 */
export function withNewestSteps(lines: readonly string[]): readonly string[] {
  const steps = lines.flatMap((line, n) => (isStep(line) ? [n] : []));
  const older = new Set(steps.slice(0, -NEWEST));
  return lines.filter((_, n) => !older.has(n));
}
