const steps = '▁▂▃▄▅▆▇█';

/** Values as a row of little bars, from the lowest to the highest among them. What is not finite is a "×". */
export function sparkline(values: readonly number[]): string {
  const finite = values.filter(Number.isFinite);
  const low = Math.min(...finite);
  const span = Math.max(...finite) - low;
  return values
    .map((value) => (Number.isFinite(value) ? (steps[span > 0 ? Math.round(((value - low) / span) * (steps.length - 1)) : 3] ?? '') : '×'))
    .join('');
}

/** A bar of `width` columns, `share` of it filled: two texts, so that each can have its colour. */
export function progressBar(share: number, width: number): { readonly filled: string; readonly rest: string } {
  const halves = Math.round(2 * width * Math.max(0, Math.min(1, Number.isFinite(share) ? share : 0)));
  const half = halves % 2 === 1 ? '╸' : '';
  const filled = '━'.repeat(Math.floor(halves / 2)) + half;
  return { filled, rest: '━'.repeat(width - filled.length) };
}
