import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import type { Process } from '../../src/contract/generated';

/** A process as run folders know it: its number, and when it began as the kernel counts, read in another way than the code does. */
export function identityOf(pid: number): Process {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  return { pid, startTime: stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '' };
}

export interface ProcessInfo {
  readonly pid: number;
  readonly parent: number;
  readonly command: string;
}

/** All processes of this machine: from /proc where there is one (a bare Debian has no `ps`), else from `ps`. Zombies are dead. */
export function processes(): ProcessInfo[] {
  if (!existsSync('/proc/self/stat')) {
    return execFileSync('ps', ['-axo', 'pid=,ppid=,stat=,args='], { encoding: 'utf8' }).split('\n').flatMap((line) => {
      const [, pid, parent, state, command] = /^\s*(\d+)\s+(\d+)\s+(\S+)\s+(.*)$/.exec(line) ?? [];
      return pid && parent && !state?.startsWith('Z') ? [{ pid: Number(pid), parent: Number(parent), command: command ?? '' }] : [];
    });
  }
  return readdirSync('/proc').filter((name) => /^\d+$/.test(name)).flatMap((name) => {
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
      const [state, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      if (state === 'Z') return [];
      return [{ pid: Number(name), parent: Number(parent), command: readFileSync(`/proc/${name}/cmdline`, 'utf8').replaceAll('\0', ' ') }];
    } catch {
      return []; // it ended between the listing and the look
    }
  });
}

/** Addresses on which these processes listen, or take datagrams, as Linux knows them (`0100007F:1F90`). */
export function listening(pids: readonly number[]): string[] {
  const inodes = new Set(pids.flatMap((pid) => {
    try {
      return readdirSync(`/proc/${pid}/fd`).flatMap((fd) => /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1] ?? []);
    } catch {
      return []; // it ended between the listing and the look
    }
  }));
  return ['tcp', 'tcp6', 'udp', 'udp6'].flatMap((table) => {
    const file = `/proc/net/${table}`;
    const rows = existsSync(file) ? readFileSync(file, 'utf8').split('\n').slice(1).map((line) => line.trim().split(/\s+/)) : [];
    // State 0A: listening. Datagrams know no such state.
    return rows.filter((row) => inodes.has(row[9] ?? '') && (table.startsWith('udp') || row[3] === '0A')).map((row) => `${table} ${row[1] ?? ''}`);
  });
}

/** The processes below `pid`, itself left out. */
export function descendants(pid: number): ProcessInfo[] {
  const all = processes();
  const found: ProcessInfo[] = [];
  const parents = new Set([pid]);
  for (let grown = true; grown;) {
    grown = false;
    for (const each of all) {
      if (parents.has(each.parent) && !parents.has(each.pid)) {
        parents.add(each.pid);
        found.push(each);
        grown = true;
      }
    }
  }
  return found;
}
