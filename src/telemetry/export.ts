import type { Series } from './series';

/** Every stored point of some series, by step: what charts thin is whole here. The discarded branch is left out. */
function* rows(series: Iterable<Series>): Generator<{ step: number; values: Map<string, number> }> {
  const all = [...series];
  const at = all.map(() => 0);
  for (;;) {
    let step = Infinity;
    all.forEach((one, k) => (step = Math.min(step, one.steps[at[k] ?? 0] ?? Infinity)));
    if (step === Infinity) return;
    const values = new Map<string, number>();
    all.forEach((one, k) => {
      const i = at[k] ?? 0;
      if (one.steps[i] !== step) return;
      values.set(one.name, one.values[i] ?? NaN);
      at[k] = i + 1;
    });
    yield { step, values };
  }
}

/** A name as a cell: those that a run makes up may hold what ends a cell or a line (RFC 4180). */
const cell = (name: string): string => (/[",\r\n]/.test(name) ? `"${name.replaceAll('"', '""')}"` : name);

/** A table: the run, the step, a column per metric. An empty cell means "not measured at this step". */
export function* csvLines(run: string, series: ReadonlyMap<string, Series>): Generator<string> {
  const names = [...series.keys()];
  yield ['run', 'step', ...names.map(cell)].join(',');
  for (const { step, values } of rows(series.values())) {
    yield [run, step, ...names.map((name) => values.get(name) ?? '')].join(',');
  }
}

/** An object per step. Numbers that are not finite are strings, as everywhere in a run's files. */
export function* jsonLines(run: string, series: ReadonlyMap<string, Series>): Generator<string> {
  for (const { step, values } of rows(series.values())) {
    const metrics = Object.fromEntries([...values].map(([name, value]) => [name, Number.isFinite(value) ? value : String(value)]));
    yield JSON.stringify({ run, step, ...metrics });
  }
}
