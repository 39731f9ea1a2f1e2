/* What the doctor found, judged and written down. */
import { formatBytes } from './numbers';
import { installCommand } from './shell';
import { showControlCharacters } from './text';

export interface PythonFacts {
  readonly path: string;
  /** Why it is this one. */
  readonly reason: string;
  readonly version: string;
  readonly packages: Readonly<Record<string, string | undefined>>;
  /** Requirements that are not met. */
  readonly missing: readonly string[];
  /** Sentences of the probe: what is too old, what does not load. */
  readonly problems: readonly string[];
  readonly devices: readonly string[];
}

/** What the machine says, before anybody judges it. */
export interface Facts {
  readonly platform: string;
  readonly python: PythonFacts | { readonly failure: string; readonly fix: string };
  /** Of NVIDIA; undefined where there is none. */
  readonly driver: string | undefined;
  /** Bytes. */
  readonly memory: { readonly free: number; readonly total: number };
  /** Of the runs folder, or of the nearest folder above it that exists. Bytes; undefined where the system does not tell. */
  readonly disk: { readonly folder: string; readonly free: number | undefined; readonly writable: boolean };
  /** Files that a user may have watched; undefined where there is no such limit. */
  readonly watches: number | undefined;
  readonly logOut: {
    /** `KillUserProcesses` of systemd's logind. */
    readonly killsProcesses: boolean;
    /** This process belongs to the user's own service manager, which ends with the last session. */
    readonly inUserManager: boolean;
    /** The user's service manager outlives the last session. */
    readonly lingers: boolean;
  };
}

export type Health = 'good' | 'warning' | 'bad';

export interface Check {
  readonly name: string;
  readonly health: Health;
  readonly text: string;
  /** What mends it: exactly one thing; undefined for what is good, and where problems of the config say it. */
  readonly fix: string | undefined;
}

const GIB = 2 ** 30;
/** Below these a run of a small model may fail. */
const LITTLE_MEMORY = 2 * GIB;
const LITTLE_DISK = 5 * GIB;
const NO_DISK = GIB;
/** The editor warns below this when it opens a large folder. */
const FEW_WATCHES = 65_536;

export const good = (name: string, text: string): Check => ({ name, health: 'good', text, fix: undefined });
const warning = (name: string, text: string, fix: string): Check => ({ name, health: 'warning', text, fix });
export const bad = (name: string, text: string, fix: string): Check => ({ name, health: 'bad', text, fix });

/** One row per thing that a run needs; each that is not good says what mends it. */
export function judge(facts: Facts): Check[] {
  return [
    ...judgePython(facts), judgeMemory(facts), judgeDisk(facts.disk), ...judgeWatches(facts), judgeLogOut(facts), ...judgePlatform(facts),
  ];
}

function judgePython({ python, driver }: Facts): Check[] {
  if ('failure' in python) return [bad('Python', python.failure, python.fix)];
  const { path, reason, version, packages, missing, problems, devices } = python;
  const versions = Object.entries(packages).map(([name, one]) => `${name} ${one ?? ''}`).join(', ');
  const rows = [
    good('Python', `${version}, ${path}. ${reason}`),
    missing.length === 0 ? good('Packages', versions) : bad('Packages', `Missing or too old: ${missing.join(', ')}.`, `Install them: ${installCommand(path, missing)}`),
  ];
  if (missing.length > 0) return rows;
  const gpu = devices.some((device) => device !== 'cpu');
  const withDriver = driver === undefined ? '' : `, NVIDIA driver ${driver}`;
  const [problem] = problems;
  if (problem !== undefined) rows.push(warning('Devices', `${devices.join(', ') || 'none'}${withDriver}.`, problem));
  else if (driver !== undefined && !gpu) {
    const fix = 'Install a torch that is built for CUDA: its version without "+cpu".';
    rows.push(warning('Devices', `cpu only, though there is an NVIDIA driver ${driver}: this torch is built without CUDA.`, fix));
  } else rows.push(good('Devices', `${devices.join(', ')}${withDriver}.`));
  return rows;
}

function judgeMemory({ memory: { free, total } }: Facts): Check {
  const text = `${formatBytes(free)} of ${formatBytes(total)} are free.`;
  return free >= LITTLE_MEMORY ? good('Memory', text) : warning('Memory', text, 'End what uses it, or choose smaller models or a smaller "batchSize".');
}

export function judgeDisk({ folder, free, writable }: Facts['disk']): Check {
  if (!writable) return bad('Disk', `${folder} cannot be written to.`, 'Name another folder with "runsFolder" in the config or the setting "minillm.runsFolder".');
  if (free === undefined) return good('Disk', `${folder} can be written to.`);
  const text = `${formatBytes(free)} are free in ${folder}.`;
  if (free >= LITTLE_DISK) return good('Disk', text);
  const fix = 'Clean up old runs, or let "checkpoints.keep" limit how many checkpoints stay.';
  return free >= NO_DISK ? warning('Disk', text, fix) : bad('Disk', text, fix);
}

function judgeWatches({ watches }: Facts): Check[] {
  if (watches === undefined) return [];
  const text = `A user may watch ${watches.toLocaleString('en')} files. Runs are polled and need none; the editor's explorer does.`;
  return [watches >= FEW_WATCHES ? good('File watches', text) : warning('File watches', text, 'sudo sysctl fs.inotify.max_user_watches=524288')];
}

function judgeLogOut({ platform, logOut: { killsProcesses, inUserManager, lingers } }: Facts): Check {
  const name = 'Log-out';
  if (platform === 'darwin') {
    return warning(name, 'macOS ends all processes of a user who logs out, runs too.', 'Lock the screen in place of logging out, and resume a run that was ended.');
  }
  if (platform !== 'linux' || lingers || (!killsProcesses && !inUserManager)) return good(name, 'Runs outlive the end of the session.');
  const why = killsProcesses ? 'KillUserProcesses is on' : "this program belongs to the user's service manager, which ends with the last session";
  return warning(name, `Log-out ends runs: ${why}.`, 'loginctl enable-linger');
}

function judgePlatform({ platform }: Facts): Check[] {
  if (platform !== 'win32') return [];
  return [bad('System', 'Runs cannot be started on Windows itself; they can be viewed.', 'Open the workspace in WSL or on a remote machine.')];
}

const signs: Readonly<Record<Health, string>> = { good: '✓', warning: '!', bad: '✗' };

/** One sentence over all rows. */
export function verdict(checks: readonly Check[]): string {
  const failing = checks.filter(({ health }) => health !== 'good').length;
  return failing === 0 ? 'Nothing is amiss.' : `${failing} of ${checks.length} need attention.`;
}

/** The rows as lines of text; `paint` may colour a sign. */
export function doctorLines(checks: readonly Check[], paint: (sign: string, health: Health) => string = (sign) => sign): string[] {
  const width = Math.max(0, ...checks.map(({ name }) => name.length)) + 2;
  const lines = checks.flatMap(({ name, health, text, fix }) => [
    `${paint(signs[health], health)} ${name.padEnd(width)}${showControlCharacters(text)}`,
    ...(fix === undefined ? [] : [`  ${' '.repeat(width)}→ ${showControlCharacters(fix)}`]),
  ]);
  return [...lines, '', verdict(checks)];
}
