// What every script here shares: where things are, plain progress lines, running a program, finding Python, stamps.
// No dependencies: these run before `npm ci`.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  console.error(`Node ${process.versions.node} is too old: install Node 20.19 or newer, then run this again.`);
  process.exit(1);
}

export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const windows = process.platform === 'win32';
const begun = performance.now();

/** A line with the seconds since the script began. */
export const stamped = (text) => `[${((performance.now() - begun) / 1000).toFixed(1).padStart(6)} s] ${text}`;

/** One progress line, with the seconds since the start. On stderr: stdout belongs to results. */
export const say = (text) => console.error(stamped(text));

/** An error that is a sentence for the person at the terminal, not a defect of the script. */
export class Complaint extends Error {}

/** Runs `main`, prints a Complaint as its sentence alone, and ends with the exit code that `main` returned. */
export async function entry(main) {
  try {
    process.exitCode = (await main()) ?? 0;
  } catch (error) {
    console.error(error instanceof Complaint ? error.message : error);
    process.exitCode = 1;
  }
}

/** Runs a program to its end with its output shown on stderr; throws when it fails. */
export function run(program, args, options = {}) {
  const { status, error } = spawnSync(program, args, { cwd: root, stdio: ['ignore', 2, 2], ...options });
  if (status !== 0) throw new Complaint(`\`${[path.basename(program), ...args].join(' ')}\` ${error ? `could not start: ${error.message}` : `ended with exit code ${status}`}.`);
}

/** Runs npm, the one that started us when there is one. */
export function npm(args, options = {}) {
  const script = process.env.npm_execpath;
  if (script?.endsWith('.js')) run(process.execPath, [script, ...args], options);
  else run('npm', args, { shell: windows, ...options });
}

/** The full path of a program on the PATH. */
export function onPath(name) {
  const endings = windows ? ['.exe', '.cmd', ''] : [''];
  return (process.env.PATH ?? '').split(path.delimiter).flatMap((folder) => endings.map((ending) => path.join(folder, name + ending))).find((file) => {
    try {
      fs.accessSync(file, fs.constants.X_OK);
      return fs.statSync(file).isFile();
    } catch {
      return false;
    }
  });
}

export const venvPython = (venv) => path.join(venv, ...(windows ? ['Scripts', 'python.exe'] : ['bin', 'python']));

/** A Python that can train, the default one first. Names on the PATH may be stand-ins for versions that are not there, so each is asked. */
export function findPython() {
  for (const name of ['python3', 'python', 'python3.13', 'python3.12', 'python3.11', 'python3.14']) {
    const found = onPath(name);
    if (!found) continue;
    const { status, stdout } = spawnSync(found, ['-c', 'import sys, venv, ensurepip; print(*sys.version_info[:2])'], { encoding: 'utf8' });
    const version = (stdout ?? '').trim().split(' ').map(Number);
    if (status === 0 && version[0] === 3 && version[1] >= 11 && version[1] <= 14) return { path: found, version: version.join('.') };
  }
  throw new Complaint('No Python 3.11 to 3.14 with its venv module was found on the PATH: install one '
    + '(Debian and Ubuntu: `apt-get install python3 python3-venv`), then run this again.');
}

/** A digest of the contents of files and folders (relative to the repository); a missing one counts as missing. */
export function digest(...names) {
  const hash = createHash('sha256');
  const add = (name) => {
    const full = path.join(root, name);
    const stat = fs.statSync(full, { throwIfNoEntry: false });
    hash.update(`${name}\0`);
    if (stat?.isDirectory()) for (const child of fs.readdirSync(full).sort()) add(path.join(name, child));
    else if (stat) hash.update(fs.readFileSync(full));
  };
  for (const name of names) add(name);
  return hash.digest('hex').slice(0, 16);
}

/** Does `work` unless `stamp` (a file) holds `value` from the last time; a failed or broken-off time leaves no stamp. */
export async function once(stamp, value, work) {
  if (fs.existsSync(stamp) && fs.readFileSync(stamp, 'utf8') === value) return false;
  fs.rmSync(stamp, { force: true });
  await work();
  fs.mkdirSync(path.dirname(stamp), { recursive: true });
  fs.writeFileSync(stamp, value);
  return true;
}
