/** Steps at the end that are taken in, and as many rollouts. */
const NEWEST = 20;
/** Characters at the beginning of a line in which its kind stands. */
const HEAD = 200;

const MEASURED = /"kind":"(step|rollout)"/;

/**
 * Lines of events without those of older steps and rollouts, which are nearly all there is: lists and reports want the newest measure
 * of a run, its checkpoints, scores and alerts. What is left out is not even parsed.
 */
export function withNewestSteps(lines: readonly string[]): readonly string[] {
  const seen = new Map<string, number>();
  const wanted = (line: string): boolean => {
    const kind = MEASURED.exec(line.slice(0, HEAD))?.[1];
    if (kind === undefined) return true;
    const count = (seen.get(kind) ?? 0) + 1;
    seen.set(kind, count);
    return count <= NEWEST;
  };
  return lines.toReversed().filter(wanted).reverse();
}
