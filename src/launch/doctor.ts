import { access, constants, readdir, readFile, stat, statfs } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import type { Facts } from '../present/doctor';
import { LaunchError } from './errors';
import { choosePython, type PythonSearch } from './python';
import { installTrainer } from './trainerPackage';

export interface DoctorOptions {
  /** Where interpreters are looked for. */
  readonly search: PythonSearch;
  readonly runsFolder: string;
  readonly trainerSource: string;
  readonly cache?: string | undefined;
}

/** Asks this machine all that a run depends on. Never rejects for what it finds. */
export async function examine(options: DoctorOptions): Promise<Facts> {
  const [python, driver, free, disk, watches, logOut] = await Promise.all([
    examinePython(options), readDriver(), freeMemory(), examineDisk(options.runsFolder), readWatches(), examineLogOut(),
  ]);
  return { platform: process.platform, python, driver, memory: { free, total: os.totalmem() }, disk, watches, logOut };
}

async function examinePython({ search, trainerSource, cache }: DoctorOptions): Promise<Facts['python']> {
  try {
    const { choice, probe } = await choosePython(search, await installTrainer(trainerSource, cache));
    const { pythonVersion, packages, missing, problems, devices } = probe;
    return { ...choice, version: pythonVersion, packages, missing, problems, devices };
  } catch (error) {
    if (error instanceof LaunchError) return { failure: error.message, fix: error.fix };
    throw error;
  }
}

/** Undefined for a file that is not there: that is how a system says that it has no such thing. */
const read = (file: string): Promise<string | undefined> => readFile(file, 'utf8').catch(() => undefined);

async function readDriver(): Promise<string | undefined> {
  return /Kernel Module.*?\s(\d+\.[\d.]+)/.exec((await read('/proc/driver/nvidia/version')) ?? '')?.[1];
}

/** Linux counts as free what it would give at once, caches included. */
async function freeMemory(): Promise<number> {
  const kilobytes = /^MemAvailable:\s+(\d+) kB$/m.exec((await read('/proc/meminfo')) ?? '')?.[1];
  return kilobytes === undefined ? os.freemem() : Number(kilobytes) * 1024;
}

/** Of the folder, or of the nearest one above it that exists. */
export async function examineDisk(runsFolder: string): Promise<Facts['disk']> {
  let folder = path.resolve(runsFolder);
  const exists = (): Promise<boolean> => stat(folder).then((it) => it.isDirectory(), () => false);
  while (!(await exists()) && path.dirname(folder) !== folder) folder = path.dirname(folder);
  const [free, writable] = await Promise.all([
    statfs(folder).then(({ bavail, bsize }) => bavail * bsize, () => undefined),
    access(folder, constants.W_OK).then(() => true, () => false),
  ]);
  return { folder, free, writable };
}

async function readWatches(): Promise<number | undefined> {
  const text = await read('/proc/sys/fs/inotify/max_user_watches');
  return text === undefined ? undefined : Number(text);
}

/** Where logind's configuration lies, in rising order of weight. */
const LOGIND = ['/usr/lib/systemd/logind.conf', '/usr/lib/systemd/logind.conf.d', '/etc/systemd/logind.conf', '/etc/systemd/logind.conf.d'];

async function examineLogOut(): Promise<Facts['logOut']> {
  const none = { killsProcesses: false, inUserManager: false, lingers: false };
  if (process.platform !== 'linux' || (await readdir('/run/systemd/system').catch(() => undefined)) === undefined) return none;
  const lingers = await access(path.join('/var/lib/systemd/linger', os.userInfo().username)).then(() => true, () => false);
  const texts = (await Promise.all(LOGIND.map(readConfigs))).flat();
  const inUserManager = /\/user@\d+\.service\//.test((await read('/proc/self/cgroup')) ?? '');
  return { killsProcesses: killsUserProcesses(texts), inUserManager, lingers };
}

/** A file, or all `*.conf` of a folder in the order of their names. */
async function readConfigs(place: string): Promise<string[]> {
  const names = await readdir(place).catch(() => undefined);
  const files = names === undefined ? [place] : names.filter((name) => name.endsWith('.conf')).sort().map((name) => path.join(place, name));
  return (await Promise.all(files.map(read))).filter((text) => text !== undefined);
}

/** What logind's files say together: the last that speaks of it counts. */
export function killsUserProcesses(texts: readonly string[]): boolean {
  const said = texts.flatMap((text) => [...text.matchAll(/^\s*KillUserProcesses\s*=\s*(\S+)/gim)].map((match) => match[1] ?? ''));
  return /^(?:yes|true|on|1)$/i.test(said.at(-1) ?? 'no');
}
