/* Which rows of a long list are worth drawing. No elements here: only heights and places. */

/** Pixels of a row that nobody has measured while nothing else is known. */
const FIRST_GUESS = 130;

/** Heights of rows, measured or guessed, and what follows from them. Rows are known by a key, so that a list may be sorted anew. */
export class RowHeights {
  private readonly known = new Map<string, number>();
  private sum = 0;

  constructor(private readonly gap: number) {}

  measured(key: string, height: number): void {
    this.sum += height - (this.known.get(key) ?? 0);
    this.known.set(key, height);
  }

  /** After the list has become wider or narrower every row has another height. */
  forget(): void {
    this.known.clear();
    this.sum = 0;
  }

  /** With the gap below it. */
  of(key: string): number {
    const guess = this.known.size === 0 ? FIRST_GUESS : this.sum / this.known.size;
    return (this.known.get(key) ?? guess) + this.gap;
  }

  /** The first and the last place whose row meets the stretch from `top` to `bottom`, in pixels from the list's top; at least one row. */
  range(keys: readonly string[], top: number, bottom: number): readonly [first: number, last: number] {
    let first = -1;
    let place = 0;
    let end = 0;
    for (; place < keys.length; place++) {
      end += this.of(keys[place] ?? '');
      if (first < 0 && end > top) first = place;
      if (first >= 0 && end >= bottom) break;
    }
    const last = Math.min(place, keys.length - 1);
    return [first < 0 ? last : first, last];
  }

  /** Pixels that rows from `first` up to before `end` take together, without the last one's gap. */
  stretch(keys: readonly string[], first: number, end: number): number {
    let pixels = 0;
    for (let place = first; place < end; place++) pixels += this.of(keys[place] ?? '');
    return Math.max(0, pixels - this.gap);
  }
}

/** Places in order, each once, as runs of neighbours: what lies between two runs is not drawn. */
export function runsOf(places: Iterable<number>): (readonly [first: number, last: number])[] {
  const runs: [number, number][] = [];
  for (const place of [...new Set(places)].sort((a, b) => a - b)) {
    const before = runs.at(-1);
    if (before?.[1] === place - 1) before[1] = place;
    else runs.push([place, place]);
  }
  return runs;
}
