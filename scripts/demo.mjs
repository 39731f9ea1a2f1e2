#!/usr/bin/env node
// The demo from nothing: set-up, build, a small distillation on this machine, an editor that shows it.
//   npm run demo [-- --headless] [-- --server] [-- --port N]
// --headless: the run in this terminal, with its results and its exit code. --server: code-server even where there is a
// desktop VS Code. The run is detached in every case: closing the editor or pressing Ctrl-C leaves it going.
import { spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { desktopEditor, ensureServer, openEditor } from './editor.mjs';
import { setup } from './setup.mjs';
import { entry, root, say } from './steps.mjs';

const workspace = path.join(root, 'demo-workspace');
const command = path.join(root, 'dist', 'cli.js');

/** Runs the `minillm` command in the demo's workspace and reads its JSON; an error it has told the user already ends us with its code. */
function ask(...args) {
  const { status, stdout } = spawnSync(process.execPath, [command, ...args, '--json'], { cwd: workspace, stdio: ['ignore', 'pipe', 'inherit'], encoding: 'utf8' });
  if (status !== 0) process.exit(status ?? 1);
  return JSON.parse(stdout);
}

/** Runs that are started from the editor use the same Python. The user's own settings there stay. */
function settle(python) {
  const settings = path.join(workspace, '.vscode', 'settings.json');
  if (fs.existsSync(settings)) return;
  fs.mkdirSync(path.dirname(settings), { recursive: true });
  fs.writeFileSync(settings, `${JSON.stringify({ 'minillm.pythonPath': python }, null, 2)}\n`);
}

/** Shows the run in this terminal until it ends; resolves with its exit code. Ctrl-C is the command's to answer. */
function runHere(args) {
  const child = spawn(process.execPath, [command, ...args], { cwd: workspace, stdio: 'inherit' });
  process.on('SIGINT', () => undefined);
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve(code ?? 1));
  });
}

await entry(async () => {
  const { values } = parseArgs({ options: { headless: { type: 'boolean' }, server: { type: 'boolean' }, port: { type: 'string' } } });
  const { python } = await setup();
  const { makeDemoWorkspace, requestOpen } = createRequire(import.meta.url)(path.join(root, 'dist', 'demoWorkspace.js'));
  const config = await makeDemoWorkspace(path.join(root, 'demo'), workspace);
  settle(python);
  const start = ['run', config, '--workspace', workspace, '--python', python];
  if (values.headless) return runHere(start);

  // The editor first: its installation takes longer than the start of a run that is to be watched.
  if (values.server || !desktopEditor()) ensureServer();
  const { run } = ask(...start, '--detach');
  say(`the run ${run} has started, detached`);
  await requestOpen(workspace, { run, panel: true });
  const editor = await openEditor(workspace, { server: values.server, ...(values.port ? { port: Number(values.port) } : {}) });
  if (!editor) {
    say('Visual Studio Code opens on it');
    return 0;
  }
  console.log(`\nOpen this address to watch the run (Ctrl-C closes the editor; the run goes on):\n\n  ${editor.address}\n`);
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => void editor.stop());
  await editor.ended;
  console.log(`\nThe editor is closed. Follow the run here with: node dist/cli.js tail ${run} --runs demo-workspace/runs`);
  return 0;
});
