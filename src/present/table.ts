import { displayWidth, pad } from './width';

export interface Column {
  /** One or more lines. */
  readonly head: string;
  readonly align: 'left' | 'right';
}

/**
 * A table as lines of text: columns two spaces apart, heads at the bottom of their lines, no frame. Cells may hold
 * colours. `paintHead` colours the head.
 */
export function formatTable(
  columns: readonly Column[], rows: readonly (readonly string[])[], paintHead: (text: string) => string = (text) => text,
): string[] {
  const heads = columns.map(({ head }) => head.split('\n'));
  const height = Math.max(1, ...heads.map((lines) => lines.length));
  const headRows = Array.from({ length: height }, (_, line) => heads.map((lines) => lines[line - (height - lines.length)] ?? ''));
  const widths = columns.map((_, i) => Math.max(...[...headRows, ...rows].map((row) => displayWidth(row[i] ?? ''))));
  const lineOf = (cells: readonly string[]): string =>
    columns.map(({ align }, i) => pad(cells[i] ?? '', widths[i] ?? 0, align === 'left' ? 'left' : 'right')).join('  ').trimEnd();
  return [...headRows.map((row) => paintHead(lineOf(row))), ...rows.map(lineOf)];
}
