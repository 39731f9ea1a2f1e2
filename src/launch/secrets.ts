/* What a run keeps of its workspace is for its readers, who need no secrets. */

/** Names of files under which secrets are kept: listed, never copied. */
export const SECRET_FILE = /^(?:\.env(?:\..*)?|\.netrc|\.npmrc|\.pypirc|id_(?:rsa|dsa|ecdsa|ed25519)|.*\.(?:pem|key|p12|pfx|keystore)|.*(?:secret|credential|token).*)$/i;

/** Tokens by their well-known beginnings. */
const TOKENS = /\b(hf_|sk-|ghp_|gho_|github_pat_|glpat-|xox[abp]-|AKIA|npm_|pypi-)[A-Za-z0-9_-]{12,}/g;
/** A variable whose name says what it is, and its value as it stands; not an expression that finds it. */
const VARIABLES = /\b([A-Z][A-Z0-9_]*_(?:TOKEN|KEY|SECRET|PASSWORD)["']?\s*[:=]\s*)("[^"\n]{4,}"|'[^'\n]{4,}'|[A-Za-z0-9+/=_-]{8,}(?![\w.(["']))/g;

/** A text of source code without the secrets that stand in it. */
export function hideSecrets(text: string): string {
  return text.replace(TOKENS, '$1REDACTED').replace(VARIABLES, '$1REDACTED');
}

/** A patch of git without the secrets that it adds; what it takes away or leaves must stay, or it would not apply. One character a byte. */
export function hideSecretsInPatch(patch: string): string {
  return patch.replace(/^\+(?!\+\+ ).*$/gm, hideSecrets);
}
