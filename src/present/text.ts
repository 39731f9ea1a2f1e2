/* What a model writes is shown, never obeyed. */

// Escape sequences and other control characters, all but line feed and tab; marks that reorder text; what breaks a line or
// takes no room, unless scripts need it (joiners); halves of a surrogate pair.
const controls = '\\u0000-\\u0008\\u000b-\\u001f\\u007f-\\u009f';
const marks = '\\u00ad\\u061c\\u180e\\u200b\\u200e\\u200f\\u2028-\\u202e\\u2060-\\u206f\\ufeff\\ufff9-\\ufffb\\u{e0000}-\\u{e007f}';
const invisible = new RegExp(`[${controls}${marks}]|\\p{Surrogate}`, 'gu');

/** Replaces what cannot be seen by a visible `\u{…}`: it cannot colour, move, hide or reorder what is around it. */
export function showControlCharacters(text: string): string {
  return text.replace(invisible, (c) => `\\u{${(c.codePointAt(0) ?? 0).toString(16)}}`);
}

/** A name or a cause on one line: whatever it holds, it stays where it is put. */
export function showOnOneLine(text: string, longest: number): string {
  const line = showControlCharacters(text.replace(/\s+/g, ' ').trim());
  return line.length > longest ? `${line.slice(0, longest - 1)}…` : line;
}

/** What there is room for of a text that may be a megabyte, made visible; says how much is missing. */
export function showBeginning(text: string, longest: number): string {
  if (text.length <= longest) return showControlCharacters(text);
  // Not between the halves of a character.
  const end = /[\ud800-\udbff]/.test(text.charAt(longest - 1)) ? longest - 1 : longest;
  return `${showControlCharacters(text.slice(0, end))} … (${(text.length - end).toLocaleString('en')} more characters)`;
}

/** A notification has room for this much. */
const LONGEST_MESSAGE = 400;

/** A text for a place where the editor makes links of `[…](…)`: nothing in it can be clicked, and it has an end. */
export function plainMessage(text: string): string {
  return showBeginning(text, LONGEST_MESSAGE).replaceAll('](', ']\u200b(');
}

/** A text as part of an address. Half a surrogate pair has no place in one, and nobody is to fail for it. */
export function uriPart(text: string): string {
  return encodeURIComponent(text.replace(/\p{Surrogate}/gu, '\ufffd'));
}
