#!/usr/bin/env node
// Packs the extension: minillm-<version>.vsix, which works wherever it is installed (it carries the trainer and the demo).
//   node scripts/package.mjs [--out FILE]
// What goes in is listed here and nowhere else: it is laid out in stage/ and packed whole. Fails above the size limits.
import fs from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { setup } from './setup.mjs';
import { Complaint, entry, root, run, say } from './steps.mjs';

const megabyte = 1_000_000;
const limits = { package: 7 * megabyte, code: 1 * megabyte };

const files = ['README.md', 'CHANGELOG.md', 'LICENSE', 'package.nls.json', 'trainer/pyproject.toml', 'trainer/requirements.txt', 'trainer/requirements-torch.txt'];
const folders = ['media', 'schemas', 'syntaxes', 'trainer/minillm', 'demo'];
/** Inside those folders: what Python leaves behind, and what re-makes the demo's data and teacher. */
const leaveOut = (source) => /(^|\/)(__pycache__|\.[^/]+|make|.*\.pyc)$/.test(source.replaceAll(path.sep, '/'));

/** The manifest as it is installed: everything is bundled, so it depends on nothing. */
function manifest() {
  const { scripts, devDependencies, dependencies, ...rest } = JSON.parse(fs.readFileSync(path.join(root, 'package.json'), 'utf8'));
  return rest;
}

function layOut(stage) {
  fs.rmSync(stage, { recursive: true, force: true });
  run(process.execPath, ['esbuild.js', '--production', `--out=${path.relative(root, stage)}/dist`]);
  for (const name of files) {
    fs.mkdirSync(path.dirname(path.join(stage, name)), { recursive: true });
    fs.copyFileSync(path.join(root, name), path.join(stage, name));
  }
  for (const name of folders) {
    const from = path.join(root, name);
    fs.cpSync(from, path.join(stage, name), { recursive: true, filter: (source) => !leaveOut(path.relative(from, source)) });
  }
  fs.writeFileSync(path.join(stage, '.vscodeignore'), '# Nothing: all that lies here is meant to go in.\n');
  fs.writeFileSync(path.join(stage, 'package.json'), `${JSON.stringify(manifest(), null, 2)}\n`);
}

/** Bytes of all files below a folder. */
function sizeOf(folder) {
  return fs.readdirSync(folder, { recursive: true, withFileTypes: true }).filter((each) => each.isFile())
    .reduce((sum, each) => sum + fs.statSync(path.join(each.parentPath, each.name)).size, 0);
}

function limit(what, bytes, allowed) {
  say(`${what}: ${(bytes / megabyte).toFixed(2)} MB of ${allowed / megabyte} MB`);
  if (bytes > allowed) throw new Complaint(`The ${what} is over its limit.`);
}

await entry(async () => {
  const { values } = parseArgs({ options: { out: { type: 'string' } } });
  await setup({ python: false, build: false });
  const stage = path.join(root, 'stage');
  const vsix = path.resolve(values.out ?? path.join(root, `minillm-${manifest().version}.vsix`));
  say('lay out');
  layOut(stage);
  limit('code', sizeOf(path.join(stage, 'dist')), limits.code);
  say('pack');
  run(process.execPath, [path.join(root, 'node_modules', '@vscode', 'vsce', 'vsce'), 'package', '--no-dependencies', '--allow-missing-repository',
    '--no-rewrite-relative-links', '--out', vsix], { cwd: stage, stdio: ['ignore', 'ignore', 2] });
  limit('package', fs.statSync(vsix).size, limits.package);
  console.log(vsix);
});
