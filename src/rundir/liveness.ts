import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import type { Process } from '../contract/generated';

export interface Machine {
  readonly host: string;
  /** Changes when the machine restarts. */
  readonly bootId: string;
  /** In another container the same pid is another process; undefined where the system does not tell. */
  readonly pidNamespace: string | undefined;
}

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
    if (process.platform === 'darwin') return execFileSync('/usr/sbin/sysctl', ['-n', 'kern.boottime'], { encoding: 'utf8' }).trim();
  } catch {
    // A machine that does not tell is treated as never restarted; start times still tell processes apart.
  }
  return 'unknown';
}

let known: Machine | undefined;

export function thisMachine(): Machine {
  return (known ??= { host: os.hostname(), bootId: readBootId(), pidNamespace: readPidNamespace() });
}

/** Start of a living process as the kernel tells it, or undefined when it is gone or a zombie. */
function startTimeOf(pid: number): string | undefined {
  if (!Number.isInteger(pid) || pid <= 0) return undefined;
  try {
    if (process.platform === 'linux') {
      const stat = fs.readFileSync(`/proc/${pid}/stat`, 'utf8');
      // The command may hold spaces and brackets; the fields that count follow its last bracket.
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19];
    }
    const [state, ...start] = execFileSync('/bin/ps', ['-o', 'state=,lstart=', '-p', String(pid)], { encoding: 'utf8', env: { LC_ALL: 'C', TZ: 'UTC' } }).trim().split(/\s+/);
    return state?.startsWith('Z') ? undefined : start.join(' ');
  } catch {
    return undefined;
  }
}

/** The process exists, is no zombie, and is the one that was recorded: a reused pid has another start time. */
export function processAlive(recorded: Process | null | undefined): boolean {
  if (!recorded) return false;
  return startTimeOf(recorded.pid) === recorded.startTime.trim().replace(/\s+/g, ' ');
}
