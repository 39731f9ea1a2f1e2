/* Commands to copy into a shell. */

/** A word as a shell takes it for one, whatever is in it: "torch>=2.6" without quotes would write a file. */
function quoted(word: string): string {
  if (/^[\w./@%+,:=-]+$/.test(word)) return word;
  return /["$`\\!]/.test(word) ? `'${word.replaceAll("'", "'\\''")}'` : `"${word}"`;
}

export function installCommand(python: string, packages: readonly string[]): string {
  return [python, '-m', 'pip', 'install', ...packages].map(quoted).join(' ');
}
