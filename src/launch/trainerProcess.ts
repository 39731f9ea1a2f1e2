import { execFile } from 'node:child_process';
import { tmpdir } from 'node:os';

export type Env = Readonly<Record<string, string | undefined>>;

/**
 * Arguments that run the trainer's package and never a folder `minillm/` that happens to lie around: with -P the
 * working directory is no place to import from.
 */
export function trainerArguments(...rest: string[]): string[] {
  return ['-P', '-m', 'minillm', ...rest];
}

export function trainerEnvironment(trainerDir: string, env: Env): NodeJS.ProcessEnv {
  const out: NodeJS.ProcessEnv = { ...env, PYTHONPATH: trainerDir, PYTHONSAFEPATH: '1', PYTHONUNBUFFERED: '1', PYTHONUTF8: '1' };
  // A PYTHONHOME of the shell makes every other interpreter look for its library in the wrong place.
  delete out['PYTHONHOME'];
  return out;
}

export interface Answer {
  /** Undefined when it was killed or never began. */
  readonly code: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
  readonly timedOut: boolean;
  /** Why it could not be run at all: ENOENT, EACCES, … */
  readonly failure: string | undefined;
}

/** Runs an interpreter to its end. Never rejects: how it went is the answer. `onComplaint` hears of stderr as it comes. */
export function runPython(
  python: string, args: readonly string[], env: NodeJS.ProcessEnv, timeoutMs: number, signal?: AbortSignal,
  onComplaint?: (text: string) => void,
): Promise<Answer> {
  return new Promise((resolve) => {
    const child = execFile(
      python, [...args],
      { env, cwd: tmpdir(), timeout: timeoutMs, killSignal: 'SIGKILL', maxBuffer: 32 << 20, encoding: 'utf8', ...(signal ? { signal } : {}) },
      (error, stdout, stderr) => {
        const code = error === null ? 0 : typeof error.code === 'number' ? error.code : undefined;
        resolve({ code, stdout, stderr, timedOut: error?.killed === true, failure: typeof error?.code === 'string' ? error.code : undefined });
      },
    );
    if (onComplaint !== undefined) child.stderr?.on('data', onComplaint);
  });
}

/** The line of a Python traceback, or of any output, that says what went wrong. */
export function lastCause(output: string): string | undefined {
  const lines = output.split('\n').map((line) => line.trim()).filter((line) => line !== '');
  return lines.findLast((line) => /^[\w.]*(?:Error|Exception|Interrupt|BadInput)\b/.test(line)) ?? lines.at(-1);
}
