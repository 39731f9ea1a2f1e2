/* What a model writes is shown, never obeyed. */

// Escape sequences, other control characters, and the marks that reorder text, all but line feed and tab.
const invisible = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/g;

/** Replaces control and bidirectional characters by a visible `\u{…}`, so that they cannot colour, move or reorder what is around them. */
export function showControlCharacters(text: string): string {
  return text.replace(invisible, (c) => `\\u{${(c.codePointAt(0) ?? 0).toString(16)}}`);
}
