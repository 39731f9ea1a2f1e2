/**
 * Runs the extension host's tests: opens a workbench whose extension host runs hostLoader, prints what the reporter
 * wrote as it comes, and exits with the tests' own code (2: the host never ended).
 */
import { createReadStream, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { repo, resultFile, temporaryFolder } from './paths';
import { Workbench, writeFiles } from './workbench';

const limit = Number(process.env.MINILLM_HOST_LIMIT ?? 540_000);

/** Copies what is appended to a file to standard output until told to stop. */
function follow(file: string): { stop(): Promise<void> } {
  let offset = 0;
  let going = true;
  const copy = () => new Promise<void>((resolve, reject) => {
    createReadStream(file, { start: offset }).on('data', (chunk) => {
      offset += chunk.length;
      process.stdout.write(chunk);
    }).on('end', resolve).on('error', reject);
  });
  const loop = (async () => {
    while (going) {
      await copy();
      await sleep(200);
    }
    await copy();
  })();
  return { stop: () => { going = false; return loop; } };
}

async function main(): Promise<number> {
  const output = resultFile('host.txt');
  writeFileSync(output, '');
  const workbench = await Workbench.start({
    name: 'host',
    env: { MINILLM_OUTPUT: output },
    tests: path.join(repo, 'out', 'test', 'harness', 'hostLoader.js'),
  });
  const folder = temporaryFolder('host');
  writeFiles(folder, { 'README.md': 'The folder that is open in the extension host\'s tests.\n' });
  const following = follow(output);
  try {
    const ended = new Promise<number>((resolve, reject) => {
      workbench.page.exposeFunction('codeAutomationLog', () => undefined).catch(reject);
      workbench.page.exposeFunction('codeAutomationExit', resolve).catch(reject);
    });
    await workbench.open(folder);
    const code = await Promise.race([ended, sleep(limit, undefined, { ref: false })]);
    if (code !== undefined) return code;
    await workbench.screenshot('failed-host');
    console.error(`The extension host's tests did not end within ${limit / 1000} s; see test-results/failed-host.png and host-console.log.`);
    return 2;
  } finally {
    await following.stop();
    await workbench.stop();
  }
}

main().then((code) => { process.exitCode = code; }, (error: unknown) => {
  console.error(error);
  process.exitCode = 2;
});
