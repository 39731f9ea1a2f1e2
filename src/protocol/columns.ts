/* Series on their way to a chart: thinned columns, sent as the change against what the page has, in one buffer of doubles. */

import type { Span } from '../telemetry/series';

/** Scores come once per checkpoint: points matter, smoothing does not. */
export function isScore(metric: string): boolean {
  return metric.startsWith('eval/') || metric === 'time/evaluation';
}

/** Under which name a line is known: the metric's own, and for another run's that run's id before it. */
export function lineKey(metric: string, run?: string): string {
  return run === undefined ? metric : `${run}\n${metric}`;
}

/** One metric as a chart draws it: a column per drawn place, of which most stand for several stored points. */
export interface Columns {
  readonly metric: string;
  /** Last step of each column, ascending. */
  readonly steps: ArrayLike<number>;
  readonly low: ArrayLike<number>;
  readonly high: ArrayLike<number>;
  readonly mean: ArrayLike<number>;
  /** Smoothed over the columns; equal to `mean` without smoothing. */
  readonly smooth: ArrayLike<number>;
  /** How many points of the column are finite and not above 0: a logarithmic axis cannot show them. */
  readonly notPositive: ArrayLike<number>;
  /** How many points of the column are not finite. */
  readonly bad: ArrayLike<number>;
  /** Stored points per column; 1 when nothing is left out. */
  readonly aggregated: number;
  /** Stored points of the whole run. */
  readonly points: number;
  /** Newest value, as it was measured. */
  readonly last: number;
  /** Of the whole run: from which step to which it was measured, phase by phase. */
  readonly spans: readonly Span[];
  readonly discarded: Branch;
}

/** What a later attempt trained anew: of many points some are sent, and `points` says how many there are. */
export interface Branch {
  readonly steps: ArrayLike<number>;
  readonly values: ArrayLike<number>;
  readonly points: number;
}

const FIELDS = ['steps', 'low', 'high', 'mean', 'smooth', 'notPositive', 'bad'] as const;

/** What changed of one line: the first `keep` columns stay, `count` follow. Numbers lie in the buffer from `offset`, field by field. */
export interface SeriesPart {
  readonly key: string;
  readonly metric: string;
  readonly keep: number;
  readonly count: number;
  readonly offset: number;
  readonly aggregated: number;
  readonly points: number;
  readonly last: number;
  readonly spans: readonly Span[];
  /** Length of the discarded branch, which follows the columns, and its points in all; undefined when it is as before. */
  readonly discarded: { readonly count: number; readonly points: number } | undefined;
}

export interface PackedSeries {
  readonly parts: readonly SeriesPart[];
  /** Keys of lines that the page may forget. */
  readonly dropped: readonly string[];
  readonly buffer: ArrayBuffer;
}

const sameSpans = (a: readonly Span[], b: readonly Span[]): boolean =>
  a.length === b.length && a.every(({ phase, from, to }, i) => phase === b[i]?.phase && from === b[i].from && to === b[i].to);

const same = (a: number | undefined, b: number | undefined): boolean => Object.is(a, b);

/** How many leading columns two states share. */
function commonColumns(before: Columns, after: Columns): number {
  const limit = Math.min(before.steps.length, after.steps.length);
  let i = 0;
  while (i < limit && FIELDS.every((field) => same(before[field][i], after[field][i]))) i++;
  return i;
}

/** Packs what changed between what the page has and what it should have, by the keys of lines. */
export function packSeries(before: ReadonlyMap<string, Columns>, after: ReadonlyMap<string, Columns>): PackedSeries {
  const parts: SeriesPart[] = [];
  const changed: { columns: Columns; part: SeriesPart }[] = [];
  let length = 0;
  for (const [key, columns] of after) {
    const old = before.get(key);
    if (old === columns) continue;
    const keep = old ? commonColumns(old, columns) : 0;
    const count = columns.steps.length - keep;
    const newBranch = old === undefined || old.discarded.points !== columns.discarded.points;
    const unchanged = old !== undefined && count === 0 && old.steps.length === keep && !newBranch
      && old.aggregated === columns.aggregated && old.points === columns.points && same(old.last, columns.last)
      && sameSpans(old.spans, columns.spans);
    if (unchanged) continue;
    const discarded = newBranch ? { count: columns.discarded.steps.length, points: columns.discarded.points } : undefined;
    const { metric, aggregated, points, last, spans } = columns;
    const part: SeriesPart = { key, metric, keep, count, offset: length, aggregated, points, last, spans, discarded };
    parts.push(part);
    changed.push({ columns, part });
    length += count * FIELDS.length + 2 * (discarded?.count ?? 0);
  }
  const numbers = new Float64Array(length);
  for (const { columns, part } of changed) {
    let at = part.offset;
    for (const field of FIELDS) {
      for (let i = part.keep; i < columns.steps.length; i++) numbers[at++] = columns[field][i] ?? NaN;
    }
    const branch = part.discarded?.count ?? 0;
    for (let i = 0; i < branch; i++) numbers[at++] = columns.discarded.steps[i] ?? NaN;
    for (let i = 0; i < branch; i++) numbers[at++] = columns.discarded.values[i] ?? NaN;
  }
  return { parts, dropped: [...before.keys()].filter((key) => !after.has(key)), buffer: numbers.buffer };
}

const NOTHING = new Float64Array(0);
const EMPTY = { steps: NOTHING, low: NOTHING, high: NOTHING, mean: NOTHING, smooth: NOTHING, notPositive: NOTHING, bad: NOTHING };

/** Applies a packed change. Series that did not change stay the same objects, so that a chart knows what to draw again. */
export function applySeries(before: ReadonlyMap<string, Columns>, packed: PackedSeries): Map<string, Columns> {
  const series = new Map(before);
  for (const key of packed.dropped) series.delete(key);
  const numbers = new Float64Array(packed.buffer);
  for (const part of packed.parts) {
    const old = before.get(part.key);
    const join = (field: (typeof FIELDS)[number], index: number): Float64Array => {
      const out = new Float64Array(part.keep + part.count);
      const kept = (old ?? EMPTY)[field];
      for (let i = 0; i < part.keep; i++) out[i] = kept[i] ?? NaN;
      const start = part.offset + index * part.count;
      out.set(numbers.subarray(start, start + part.count), part.keep);
      return out;
    };
    let discarded: Columns['discarded'] = old?.discarded ?? { steps: NOTHING, values: NOTHING, points: 0 };
    if (part.discarded !== undefined) {
      const start = part.offset + FIELDS.length * part.count;
      const { count, points } = part.discarded;
      const middle = start + count;
      discarded = { steps: numbers.slice(start, middle), values: numbers.slice(middle, middle + count), points };
    }
    series.set(part.key, {
      metric: part.metric,
      steps: join('steps', 0), low: join('low', 1), high: join('high', 2), mean: join('mean', 3), smooth: join('smooth', 4),
      notPositive: join('notPositive', 5), bad: join('bad', 6),
      aggregated: part.aggregated, points: part.points, last: part.last, spans: part.spans, discarded,
    });
  }
  return series;
}
