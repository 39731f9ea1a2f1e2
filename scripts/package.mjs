#!/usr/bin/env node
// Packs the extension: minillm-<version>.vsix, which works wherever it is installed (it carries the trainer and the demo).
//   node scripts/package.mjs [--out FILE]
// What goes in is listed in .vscodeignore. Packed in stage/, which has the repository's files and a production build: so the build that
// a developer works with stays, and nobody searches through node_modules. Fails above the size limits.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { setup } from './setup.mjs';
import { Complaint, entry, root, run, say } from './steps.mjs';

const megabyte = 1_000_000;
const limits = { package: 7 * megabyte, code: 1 * megabyte };

/** Bytes of all files below a folder. */
function sizeOf(folder) {
  return fs.readdirSync(folder, { recursive: true, withFileTypes: true }).filter((each) => each.isFile())
    .reduce((sum, each) => sum + fs.statSync(path.join(each.parentPath, each.name)).size, 0);
}

function limit(what, bytes, allowed) {
  say(`${what}: ${(bytes / megabyte).toFixed(2)} MB of ${allowed / megabyte} MB`);
  if (bytes > allowed) throw new Complaint(`The ${what} is over its limit.`);
}

/** The repository's files as they are, without what git ignores, and a production build beside them. */
function layOut(stage) {
  fs.rmSync(stage, { recursive: true, force: true });
  const listed = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], { cwd: root, encoding: 'utf8' });
  for (const name of listed.split('\0').filter((each) => each && fs.existsSync(path.join(root, each)))) {
    fs.mkdirSync(path.dirname(path.join(stage, name)), { recursive: true });
    fs.copyFileSync(path.join(root, name), path.join(stage, name));
  }
  run(process.execPath, ['esbuild.js', '--production', `--out=${path.relative(root, stage)}/dist`]);
}

await entry(async () => {
  const { values } = parseArgs({ options: { out: { type: 'string' } } });
  await setup({ python: false, build: false });
  const { version } = JSON.parse(fs.readFileSync(path.join(root, 'package.json'), 'utf8'));
  const vsix = path.resolve(values.out ?? path.join(root, `minillm-${version}.vsix`));
  const stage = path.join(root, 'stage');
  say('lay out');
  layOut(stage);
  limit('code', sizeOf(path.join(stage, 'dist')), limits.code);
  say('pack');
  // Everything is bundled: the package carries no node_modules.
  run(process.execPath, [path.join(root, 'node_modules', '@vscode', 'vsce', 'vsce'), 'package', '--no-dependencies', '--allow-missing-repository',
    '--no-rewrite-relative-links', '--out', vsix], { cwd: stage, stdio: ['ignore', 'ignore', 2] });
  limit('package', fs.statSync(vsix).size, limits.package);
  console.log(vsix);
});
