import { chmod, lstat, mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { SimpleGit } from 'simple-git';
import type { Provenance } from '../contract/generated';
import { hideSecrets, hideSecretsInPatch, SECRET_FILE } from './secrets';

const LARGEST_FILE = 1 << 20;
const LARGEST_SUM = 20 << 20;
/** More untracked files than this are a data set or a build, not somebody's changes: they are listed no further. */
const MOST_FILES = 2000;
/** Milliseconds without a word from git before it is given up: a network file system must not hold up a run. */
const PATIENCE = 20_000;

const nothing: Provenance = {
  git: false, reason: null, commit: null, branch: null, remote: null, dirty: false, patch: null, untracked: [], untrackedLeftOut: [],
};

/** A remote's address as it may be shown: user name, password and query stay at home. */
export function withoutCredentials(address: string): string {
  try {
    const url = new URL(address);
    if (url.protocol === 'file:' || url.host === '') return address;
    url.username = '';
    url.password = '';
    url.search = '';
    url.hash = '';
    return url.toString();
  } catch {
    // Not a URL: host:path with or without a user, or a path of this machine.
    return address.replace(/^[^/@:]+(?::[^/@]*)?@(?=[^/]+:)/, '');
  }
}

/**
 * Records the state of the workspace's repository into `into` (the run's `provenance/`). Never rejects: what could not
 * be found out is said in `reason`, because a run must not fail for want of a note about it.
 */
export async function collectProvenance(workspace: string, into: string): Promise<Provenance> {
  try {
    const { simpleGit } = await import('simple-git');
    const git = simpleGit({ baseDir: workspace, timeout: { block: PATIENCE } });
    const root = await rootOf(git);
    if (root === undefined) return { ...nothing, reason: 'The workspace is not in a git repository.' };
    return await describe(simpleGit({ baseDir: root, timeout: { block: PATIENCE } }), root, into);
  } catch (error) {
    return { ...nothing, reason: reasonOf(error) };
  }
}

function reasonOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  if ((error as NodeJS.ErrnoException).code === 'ENOENT' || message.includes('ENOENT')) return 'git is not installed.';
  const line = message.split('\n').find((text) => text.trim() !== '') ?? 'unknown error';
  return `git could not tell: ${line.trim().replace(/^(?:Error|fatal): /, '')}`;
}

async function ask(git: SimpleGit, ...args: string[]): Promise<string | undefined> {
  try {
    const answer = (await git.raw(args)).trim();
    return answer === '' ? undefined : answer;
  } catch {
    return undefined;
  }
}

async function rootOf(git: SimpleGit): Promise<string | undefined> {
  return (await git.checkIsRepo()) ? (await git.revparse(['--show-toplevel'])).trim() : undefined;
}

async function describe(git: SimpleGit, root: string, into: string): Promise<Provenance> {
  const commit = await ask(git, 'rev-parse', '--verify', '--quiet', 'HEAD');
  const branch = await ask(git, 'symbolic-ref', '--short', '--quiet', 'HEAD');
  const remote = await remoteOf(git, branch);
  await mkdir(into, { recursive: true });
  // Before the first commit everything is a change against nothing: git's own name for an empty tree.
  const base = commit ?? (await ask(git, 'hash-object', '-t', 'tree', '/dev/null')) ?? 'HEAD';
  const patch = path.join(into, 'dirty.patch');
  const secret = (await git.raw(['diff', '--name-only', '-z', base])).split('\0').filter((name) => SECRET_FILE.test(path.basename(name)));
  const without = secret.map((name) => `:(exclude,top,literal)${name}`);
  // Into a file and never through git's own output: bytes that are not UTF-8 would not come back.
  await git.raw(['diff', '--binary', '--no-color', '--no-ext-diff', '--no-textconv', '--full-index', `--output=${patch}`, base, '--', ':/', ...without]);
  const changed = (await stat(patch)).size > 0;
  if (changed) await hideIn(patch);
  else await rm(patch);
  const names = (await git.raw(['ls-files', '--others', '--exclude-standard', '-z'])).split('\0').filter((name) => name !== '');
  const { kept, leftOut } = await keepUntracked(root, names, path.join(into, 'untracked'));
  return {
    git: true,
    reason: commit === undefined ? 'The repository has no commit yet.' : null,
    commit: commit ?? null,
    branch: branch ?? null,
    remote: remote === undefined ? null : withoutCredentials(remote),
    dirty: changed || secret.length > 0 || names.length > 0,
    patch: changed ? 'provenance/dirty.patch' : null,
    untracked: kept,
    untrackedLeftOut: [...secret, ...leftOut],
  };
}

async function remoteOf(git: SimpleGit, branch: string | undefined): Promise<string | undefined> {
  const tracked = branch === undefined ? undefined : await ask(git, 'config', '--get', `branch.${branch}.remote`);
  const all = (await ask(git, 'remote'))?.split('\n') ?? [];
  const name = [tracked, 'origin', all[0]].find((candidate) => candidate !== undefined && all.includes(candidate));
  return name === undefined ? undefined : ask(git, 'remote', 'get-url', name);
}

async function hideIn(patch: string): Promise<void> {
  await chmod(patch, 0o600);
  const text = await readFile(patch, 'latin1');
  const shown = hideSecretsInPatch(text);
  if (shown !== text) await writeFile(patch, shown, 'latin1');
}

/** Copies what is small, text and no secret; names the rest. */
async function keepUntracked(root: string, names: readonly string[], into: string): Promise<{ kept: string[]; leftOut: string[] }> {
  const kept: string[] = [];
  const leftOut: string[] = [];
  let sum = 0;
  for (const name of names.slice(0, MOST_FILES)) {
    const from = path.join(root, name);
    // A link is listed and not followed: what it points to may be anything, anywhere.
    const size = await lstat(from).then((info) => (info.isFile() ? info.size : Infinity), () => Infinity);
    const fits = size <= LARGEST_FILE && sum + size <= LARGEST_SUM && !SECRET_FILE.test(path.basename(name));
    const content = fits ? await readFile(from) : undefined;
    if (content === undefined || content.includes(0)) {
      leftOut.push(name);
      continue;
    }
    const to = path.join(into, name);
    await mkdir(path.dirname(to), { recursive: true });
    await writeFile(to, hideSecrets(content.toString('latin1')), { encoding: 'latin1', mode: 0o600 });
    sum += size;
    kept.push(name);
  }
  if (names.length > MOST_FILES) leftOut.push(`… and ${names.length - MOST_FILES} more`);
  return { kept, leftOut };
}
