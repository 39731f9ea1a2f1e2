// Runs one program of the tests: with a limit, in a session of its own that ends as a whole, and gives way to others where it shall.
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { root } from './steps.mjs';

const { PRIORITY_BELOW_NORMAL } = os.constants.priority;

/** Linux weighs sessions against each other first, then what is in them; elsewhere a process is weighed alone. */
function giveWay(pid) {
  os.setPriority(pid, PRIORITY_BELOW_NORMAL);
  try {
    fs.writeFileSync(`/proc/${pid}/autogroup`, String(PRIORITY_BELOW_NORMAL), { flag: 'r+' });
  } catch { /* another system, a container that may not, or too soon after another's turn: then it weighs as much as others */ }
}

/**
 * Runs a program and hands on what it prints; returns its exit code, or says that it was ended at its limit (milliseconds). It ends with
 * the script that launched it. `yields`: it gives way to what runs beside it.
 */
export function launch(program, args, { cwd = root, env = {}, limit, print, yields = false }) {
  return new Promise((resolve, reject) => {
    // A session of its own, so that a suite that hangs is ended with everything it started. One thread each: suites run side by side.
    const child = spawn(program, args, { cwd, env: { ...process.env, OMP_NUM_THREADS: '1', ...env }, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
    if (yields && child.pid !== undefined) giveWay(child.pid);
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', print);
    const end = (signal) => {
      try {
        process.kill(-child.pid, signal);
      } catch { /* it is gone already */ }
    };
    const timer = setTimeout(() => {
      print(`  FAILED  not finished after ${limit / 60_000} min: ended\n`);
      end('SIGKILL');
    }, limit);
    const leave = () => end('SIGTERM');
    process.once('exit', leave);
    child.once('error', reject);
    const closed = new Promise((done) => child.once('close', done));
    child.once('exit', async (code) => {
      clearTimeout(timer);
      process.removeListener('exit', leave);
      // Its last lines may still be on their way; a process that it left behind may hold the pipe open for ever.
      await Promise.race([closed, sleep(2000, undefined, { ref: false })]);
      resolve(code);
    });
  });
}
