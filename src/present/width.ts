// Colours and other control sequences take no room.
const sequences = /\u001b\[[0-9;?]*[A-Za-z]/g;
const combining = /^\p{M}$|^[\u200b-\u200d\ufe00-\ufe0f]$/u;
const wide = /^[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]$|^\p{Emoji_Presentation}$/u;

const widthOf = (character: string): number => (combining.test(character) ? 0 : wide.test(character) ? 2 : 1);

/** Columns that a text takes in a terminal. */
export function displayWidth(text: string): number {
  let width = 0;
  for (const character of text.replace(sequences, '')) width += widthOf(character);
  return width;
}

/** The text in exactly `width` columns if it is shorter; longer ones stay as they are. */
export function pad(text: string, width: number, side: 'left' | 'right' = 'left'): string {
  const spaces = ' '.repeat(Math.max(0, width - displayWidth(text)));
  return side === 'left' ? text + spaces : spaces + text;
}

/** The text in at most `width` columns, with "…" where something was cut off. Control sequences are kept whole. */
export function fit(text: string, width: number): string {
  if (displayWidth(text) <= width) return text;
  let out = '';
  let used = 0;
  for (const [part] of text.matchAll(/\u001b\[[0-9;?]*[A-Za-z]|[^]/gu)) {
    const isSequence = part.length > 1 && part.startsWith('\u001b');
    if (!isSequence && used + widthOf(part) > width - 1) break;
    out += part;
    used += isSequence ? 0 : widthOf(part);
  }
  return `${out}…${text.includes('\u001b') ? '\u001b[0m' : ''}`;
}
