import { execFile, execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import type { Process } from '../contract/generated';
import { type Machine, UNKNOWN_BOOT } from '../contract/runPlace';

function readPidNamespace(): string | undefined {
  try {
    return fs.readlinkSync('/proc/self/ns/pid');
  } catch {
    return undefined;
  }
}

/** The machine's monotonic clock in seconds, as the supervisor writes it down; only Linux has the same one for all programs. */
export function machineClock(): number | undefined {
  return process.platform === 'linux' ? Number(process.hrtime.bigint()) / 1e9 : undefined;
}

function readBootId(): string {
  try {
    if (process.platform === 'linux') return fs.readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    // The time of the boot would not do: it moves whenever the clock is corrected.
    if (process.platform === 'darwin') return execFileSync('/usr/sbin/sysctl', ['-n', 'kern.bootsessionuuid'], { encoding: 'utf8' }).trim() || UNKNOWN_BOOT;
  } catch {
    // A machine that does not tell is treated as never restarted; start times still tell processes apart.
  }
  return UNKNOWN_BOOT;
}

let known: Machine | undefined;

export function thisMachine(): Machine {
  return (known ??= { host: os.hostname(), bootId: readBootId(), pidNamespace: readPidNamespace() });
}

/** Start of a living process as Linux tells it, or undefined when it is gone or a zombie. */
function startOnLinux(pid: number): string | undefined {
  try {
    const stat = fs.readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The command may hold spaces and brackets; the fields that count follow its last bracket.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19];
  } catch {
    return undefined;
  }
}

/** The same from `ps`, which takes a process of its own: it is waited for, so that nobody else has to. */
function startByPs(pid: number): Promise<string | undefined> {
  const options = { encoding: 'utf8', env: { LC_ALL: 'C', TZ: 'UTC' } } as const;
  return new Promise((resolve) => {
    execFile('/bin/ps', ['-o', 'state=,lstart=', '-p', String(pid)], options, (error, stdout) => {
      const [state, ...start] = stdout.trim().split(/\s+/);
      resolve(error !== null || state === undefined || state.startsWith('Z') ? undefined : start.join(' '));
    });
  });
}

/** Milliseconds for which an answer of `ps` is good: a list, a panel and a status bar ask the same several times a second. */
const FRESH = 2000;
const told = new Map<number, { readonly until: number; readonly start: Promise<string | undefined> }>();

function startToldLately(pid: number): Promise<string | undefined> {
  const now = performance.now();
  for (const [other, { until }] of told) if (until <= now) told.delete(other);
  const answer = told.get(pid) ?? { until: now + FRESH, start: startByPs(pid) };
  told.set(pid, answer);
  return answer.start;
}

/** The process exists, is no zombie, and is the one that was recorded: a reused pid has another start time. */
export async function processAlive(recorded: Process | null | undefined, platform: NodeJS.Platform = process.platform): Promise<boolean> {
  if (!recorded || !Number.isInteger(recorded.pid) || recorded.pid <= 0) return false;
  const start = platform === 'linux' ? startOnLinux(recorded.pid) : await startToldLately(recorded.pid);
  return start === recorded.startTime.trim().replace(/\s+/g, ' ');
}
