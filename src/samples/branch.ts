/* A run that went back to an earlier checkpoint: which of its checkpoints led to the newest one. */

const attemptOf = (checkpoint: string): number => Number(/-a(\d+)$/.exec(checkpoint)?.[1] ?? 1);
/** NaN for what is no checkpoint's name. */
export const stepOf = (checkpoint: string): number => Number(/^step-(\d+)/.exec(checkpoint)?.[1] ?? NaN);

/** Of checkpoint names, by step, those that led to the newest: a later attempt that reached an earlier step discards what came after it. */
export function keptCheckpoints(names: readonly string[]): string[] {
  const byAge = names.filter((name) => name.startsWith('step-')).sort((a, b) => attemptOf(a) - attemptOf(b) || stepOf(a) - stepOf(b));
  const kept: string[] = [];
  for (const name of byAge) {
    while (kept.length > 0 && attemptOf(kept.at(-1) ?? '') < attemptOf(name) && stepOf(kept.at(-1) ?? '') >= stepOf(name)) kept.pop();
    kept.push(name);
  }
  return kept;
}

/** The other ones, by step. */
export function discardedCheckpoints(names: readonly string[]): string[] {
  const kept = new Set(keptCheckpoints(names));
  return names.filter((name) => name.startsWith('step-') && !kept.has(name)).sort();
}
