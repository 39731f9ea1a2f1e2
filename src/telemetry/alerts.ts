import type { AlertEvent, JournalEntry } from '../contract/generated';

/** What a guard said once. */
export interface GuardWords {
  readonly text: string;
  /** Unix time. */
  readonly t: number;
  /** Undefined where the supervisor spoke, which knows of no steps. */
  readonly step: number | undefined;
  /** What was done about it: `alert`, `checkpoint`, `pause`, `stop`. */
  readonly action: string;
}

/** All that one guard had to say about a run: its newest words, and those before them. */
export interface RunAlert extends GuardWords {
  /** Name of the guard in the config. */
  readonly rule: string;
  readonly level: 'info' | 'warning' | 'error';
  /** The newest last. */
  readonly earlier: readonly GuardWords[];
  /** What was measured, and the threshold (`limit`). */
  readonly numbers: Readonly<Record<string, number | undefined>>;
  /** Responses that show it. */
  readonly samples: readonly string[];
}

function levelOf(level: unknown): RunAlert['level'] {
  return level === 'info' || level === 'error' ? level : 'warning';
}

/** Numbers and texts are taken as they are only where they are such: an event comes from a file. */
function numbersOf(numbers: unknown): RunAlert['numbers'] {
  return Object.fromEntries(Object.entries(numbers ?? {}).filter((entry): entry is [string, number] => typeof entry[1] === 'number'));
}

function textsOf(texts: unknown): string[] {
  return Array.isArray(texts) ? texts.filter((text) => typeof text === 'string') : [];
}

/** The alerts of trainer and supervisor, one per guard, the newest last. */
export function foldAlerts(events: readonly AlertEvent[], journal: readonly JournalEntry[]): RunAlert[] {
  const said: Omit<RunAlert, 'earlier'>[] = events.map(({ rule, level, text, t, step, action, numbers, samples }) => ({
    rule, level: levelOf(level), text, t, step, action: typeof action === 'string' ? action : 'alert', numbers: numbersOf(numbers), samples: textsOf(samples),
  }));
  for (const { kind, rule, text, t, numbers } of journal) {
    if (kind !== 'alert' || typeof rule !== 'string') continue;
    said.push({ rule, level: 'warning', text, t, step: undefined, action: 'alert', numbers: numbersOf(numbers), samples: [] });
  }
  const byRule = new Map<string, Omit<RunAlert, 'earlier'>[]>();
  for (const alert of said.sort((a, b) => a.t - b.t)) {
    const told = byRule.get(alert.rule) ?? [];
    told.push(alert);
    byRule.delete(alert.rule); // so that the newest stands last
    byRule.set(alert.rule, told);
  }
  return [...byRule.values()].flatMap((told) => {
    const newest = told.pop();
    const samples = newest?.samples.length === 0 ? told.findLast((one) => one.samples.length > 0)?.samples : newest?.samples;
    return newest ? [{ ...newest, earlier: told, samples: samples ?? [] }] : [];
  });
}
