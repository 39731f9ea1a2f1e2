/**
 * Does to a real editor what runs in it must survive. Prints lines as `python -m faults` does, and as the last one its counts.
 *   node out/test/faults/editor.js [NAME…]
 */
import assert from 'node:assert/strict';
import { cpSync, linkSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { processAlive } from '../../src/rundir/liveness';
import { repo, temporaryFolder } from '../harness/paths';
import { writeFiles } from '../harness/workbench';
import { Doubled, extension, Ground, timed, until } from './ground';

async function hostKilled(ground: Ground): Promise<string> {
  const run = await ground.run('host');
  const before = run.now();
  await ground.workbench.killExtensionHost();
  await run.goesOn(before);
  await ground.workbench.extensionHostBack(/host\s\d/);
  await ground.workbench.reload();
  const seconds = await ground.truth(run);
  return `the run went on; the panel is true ${seconds} s after the reload; ${await ground.end(run)}`;
}

async function windowReloaded(ground: Ground): Promise<string> {
  const run = await ground.run('reloaded');
  const before = run.now();
  for (let n = 0; n < 2; n++) await ground.workbench.reload();
  const seconds = await ground.truth(run);
  await run.goesOn(before);
  return `twice; the panel is true ${seconds} s after it; ${await ground.end(run)}`;
}

async function serverRestarted(ground: Ground): Promise<string> {
  const run = await ground.run('server');
  const before = run.now();
  await ground.workbench.restartServer(async () => {
    await run.goesOn(before);
    process.kill(run.status().supervisor!.pid, 'SIGKILL');
    await sleep(1000);
  });
  const seconds = await ground.truth(run);
  await until('another supervisor', () => processAlive(run.status().supervisor), 30);
  await run.goesOn(before);
  return `with the supervisor killed meanwhile: the panel is true ${seconds} s after it, the trainer is adopted; ${await ground.end(run)}`;
}

/** Another version lies in the extension's folder from one moment to the next, whose trainer cannot train. */
async function extensionUpdated(ground: Ground): Promise<string> {
  const run = await ground.run('updated');
  const { workbench } = ground;
  const next = `${extension}-next`;
  cpSync(extension, next, { recursive: true });
  const manifest = path.join(next, 'package.json');
  writeFileSync(manifest, JSON.stringify({ ...(JSON.parse(readFileSync(manifest, 'utf8')) as object), version: '99.0.0' }));
  writeFileSync(path.join(next, 'trainer', 'minillm', 'train.py'), 'raise SystemExit("the new version trains")\n');
  renameSync(extension, `${extension}-old`);
  renameSync(next, extension);
  rmSync(`${extension}-old`, { recursive: true });
  const before = run.now();
  process.kill(before.trainer!.pid, 'SIGKILL');
  await workbench.reload();
  await until('its restart', () => run.status().attempt === 2 && processAlive(run.status().trainer), 30);
  const seconds = await ground.truth(run);
  return `restarted with the code it began with; the new version's panel is true ${seconds} s after the reload; ${await ground.end(run)}`;
}

/** The window of a folder with 5,000 old runs shows the newest as soon as that of a folder with a hundred. */
async function manyRuns(ground: Ground): Promise<string> {
  const [fixture] = readdirSync(path.join(repo, 'test', 'fixtures', 'runs'));
  const from = path.join(repo, 'test', 'fixtures', 'runs', fixture!);
  const seconds = new Map<number, number[]>();
  const folders = [100, 5000].map((count) => {
    const folder = temporaryFolder(`runs-${count}`);
    writeFiles(folder, { 'README.md': 'Old runs.\n' });
    for (let n = 0; n < count; n++) {
      const two = (value: number): string => String(value).padStart(2, '0');
      const dir = path.join(folder, 'runs', `2025${two(1 + Math.floor(n / 500))}01-${two(n % 24)}${two(n % 60)}${two(Math.floor(n / 60) % 60)}-old-${n}`);
      mkdirSync(dir, { recursive: true });
      for (const name of ['run.json', 'status.json', 'exit.json', 'events.jsonl', 'journal.jsonl']) link(path.join(from, name), path.join(dir, name));
    }
    return { count, folder };
  });
  await ground.workbench.open(folders[0]!.folder);
  await ground.workbench.showContainer('MiniLLM');
  for (let n = 0; n < 3; n++) {
    for (const { count, folder } of folders) {
      const { workbench } = ground;
      const took = await timed(async () => {
        await workbench.navigate(folder);
        await workbench.showContainer('MiniLLM');
        await workbench.treeRow(/KL|finished|pronounce/).first().waitFor({ timeout: 60_000 });
      });
      seconds.set(count, [...(seconds.get(count) ?? []), Number(took)]);
    }
  }
  const [few, many] = [100, 5000].map((count) => Math.min(...seconds.get(count)!)) as [number, number];
  assert.ok(many - few < 1, `the window takes ${many} s in place of ${few} s`);
  return `the window with 5,000 old runs shows them after ${many} s, that with a hundred after ${few} s`;
}

function link(from: string, to: string): void {
  try {
    linkSync(from, to);
  } catch {
    cpSync(from, to);
  }
}

const FAULTS: Readonly<Record<string, (ground: Ground) => Promise<string>>> = {
  'extension host killed': hostKilled,
  'window reloaded': windowReloaded,
  'editor server stopped and started': serverRestarted,
  'extension updated in the editor': extensionUpdated,
  'window with 5,000 old runs': manyRuns,
};
/** As wide as the names of the other faults are. */
const WIDTH = 61;

async function main(names: readonly string[]): Promise<number> {
  const chosen = Object.entries(FAULTS).filter(([name]) => names.length === 0 || names.some((part) => name.includes(part)));
  const counts = { faults: 0, survived: 0, lost: 0, doubled: 0 };
  const ground = chosen.length > 0 ? await Ground.start() : undefined;
  try {
    for (const [name, fault] of chosen) {
      const began = performance.now();
      const [kind, text] = await fault(ground!).then(
        (said) => ['survived', said] as const,
        (error: unknown) => [error instanceof Doubled ? 'doubled' : 'lost', String(error)] as const,
      );
      if (kind !== 'survived') await ground?.workbench.screenshot(`failed-${name.replaceAll(' ', '-')}`).catch(() => undefined);
      counts.faults += 1;
      counts[kind] += 1;
      console.log(`${name.padEnd(WIDTH)}  ${kind.padEnd(8)}  ${text} (${((performance.now() - began) / 1000).toFixed(0)} s)`);
    }
  } finally {
    await ground?.stop();
  }
  console.log(JSON.stringify(counts));
  return counts.survived === counts.faults ? 0 : 1;
}

main(process.argv.slice(2)).then((code) => process.exit(code), (error: unknown) => {
  console.error(error);
  process.exit(1);
});
