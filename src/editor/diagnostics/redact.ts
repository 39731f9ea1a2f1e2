/** Takes out of a text what its reader should not see: secrets, and the name of the user in paths. */
export function redact(text: string, home: string): string {
  const out = text
    // Tokens by their well-known beginnings.
    .replace(/\b(hf_|sk-|ghp_|gho_|github_pat_|glpat-|xox[abp]-|AKIA|npm_|pypi-)[A-Za-z0-9_-]{8,}/g, '$1…')
    .replace(/\b(Bearer|Basic)\s+[A-Za-z0-9+/=._~-]{8,}/gi, '$1 …')
    // NAME=value, "name": "value", --name value, wherever the name says what it is.
    .replace(/(["']?[\w-]*(?:token|secret|passw(?:or)?d|api[_-]?key|access[_-]?key|[a-z0-9]_key|credentials?)[_\d]*["']?\s*[:=]\s*)("[^"]*"|'[^']*'|[^\s,;]+)/gi, '$1…')
    .replace(/(--[\w-]*(?:token|secret|password|key)[\w-]*\s+)\S+/gi, '$1…')
    .replace(/([a-z][a-z0-9+.-]*:\/\/)[^\s/@]+@/gi, '$1…@');
  return home.length > 1 ? out.replaceAll(home, '~') : out;
}
