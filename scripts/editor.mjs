#!/usr/bin/env node
// Opens VS Code on a folder with this extension running from its own folder, as F5 would: a build and a reload show a change.
//   node scripts/editor.mjs [FOLDER] [--port N] [--server] [--install-only]
// Uses `code` on the PATH. Without one (or with --server) it installs code-server from npm into .cache/editor, without
// compiler or root, serves until Ctrl-C and prints the address. The demo, the tests and the screenshots use the functions.
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { Complaint, entry, npm, onPath, root, say } from './steps.mjs';

const CODE_SERVER = '4.139.1';
const NODE = '24.21.0';
const cache = process.env.MINILLM_EDITOR_CACHE ?? path.join(root, '.cache', 'editor');

const [major, minor] = process.versions.node.split('.').map(Number);
/** code-server needs module.registerHooks; an older Node gets a newer one from npm, for the server alone. */
const ownNode = major >= 24 || (major === 22 && minor >= 15);
const platform = `${process.platform}-${process.arch}`;
const nodePackage = `node-${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}`;

/** Server dependencies that only chat, tunnels, containers, Windows or Kerberos ask for: 85 MB, nine of them compiled. */
const unneededPackages = ['@devcontainers/cli', '@github/copilot-sdk', '@microsoft/mxc-sdk', '@vscode/copilot-api', '@vscode/sandbox-runtime',
  '@vscode/sqlite3', '@vscode/windows-process-tree', '@vscode/windows-registry', 'kerberos', 'ssh2', 'tar', 'node-addon-api'];
const unneededExtensions = ['copilot', 'mermaid-markdown-features', 'microsoft-authentication', 'tunnel-forwarding', 'ms-vscode.js-debug',
  'ms-vscode.js-debug-companion', 'ms-vscode.vscode-js-profile-table', 'typescript-language-features', 'npm', 'terminal-suggest'];

/** Stands in for the compiled logger: the same interface, lines appended to the file. */
const plainLogger = `'use strict';
const fs = require('node:fs');
const path = require('node:path');
const levels = ['trace', 'debug', 'info', 'warning', 'error', 'critical'];
class Logger {
  constructor(file) { this.file = file; this.level = 2; this.bare = false; }
  append(level, message) {
    if (level < this.level) return;
    const line = this.bare ? message : \`\${new Date().toISOString()} [\${levels[level]}] \${message}\\n\`;
    try { fs.appendFileSync(this.file, line); } catch { /* the log folder went away with its session */ }
  }
  trace(m) { this.append(0, m); }
  debug(m) { this.append(1, m); }
  info(m) { this.append(2, m); }
  warn(m) { this.append(3, m); }
  error(m) { this.append(4, m); }
  critical(m) { this.append(5, m); }
  getLevel() { return this.level; }
  setLevel(level) { this.level = level; }
  setPattern() {}
  clearFormatters() { this.bare = true; }
  flush() {}
  drop() {}
}
async function create(name, file) {
  await fs.promises.mkdir(path.dirname(file), { recursive: true });
  return new Logger(file);
}
exports.version = 0;
exports.setLevel = () => {};
exports.setFlushOn = () => {};
exports.Logger = Logger;
exports.createRotatingLogger = create;
exports.createAsyncRotatingLogger = create;
`;
/** Stands in for the compiled watch over the parent process: the extension host has a poll of its own besides. */
const plainWatchdog = 'exports.start = () => {};\nexports.exit = (code) => process.exit(code ?? 0);\n';

const recipe = createHash('sha256').update(JSON.stringify([CODE_SERVER, ownNode || NODE, platform, unneededPackages, unneededExtensions, plainLogger, 1])).digest('hex');

/** Installs the server into `folder`, which does not exist yet. */
function installServer(folder) {
  const remove = (...parts) => fs.rmSync(path.join(...parts), { recursive: true, force: true });
  const quiet = ['--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
  fs.mkdirSync(folder, { recursive: true });
  fs.writeFileSync(path.join(folder, 'package.json'), JSON.stringify({ private: true, dependencies: { 'code-server': CODE_SERVER, ...(ownNode ? {} : { [nodePackage]: NODE }) } }));
  say(`editor: code-server ${CODE_SERVER}${ownNode ? '' : ` and Node ${NODE} for it`} (about 20 s)`);
  npm(['install', ...quiet], { cwd: folder });

  const server = path.join(folder, 'node_modules', 'code-server', 'lib', 'vscode');
  const manifest = path.join(server, 'package.json');
  const description = JSON.parse(fs.readFileSync(manifest, 'utf8'));
  const kept = Object.entries(description.dependencies).filter(([name]) => !unneededPackages.includes(name));
  fs.writeFileSync(manifest, JSON.stringify({ ...description, dependencies: Object.fromEntries(kept) }, null, 2));
  say('editor: what the server needs');
  npm(['install', '--omit=dev', '--no-save', ...quiet], { cwd: server });

  for (const name of unneededExtensions) remove(server, 'extensions', name);
  for (const part of ['include', 'share']) remove(folder, 'node_modules', nodePackage, part);
  const modules = path.join(server, 'node_modules');
  for (const prebuilt of ['@vscode/ripgrep-universal/bin', 'node-pty/prebuilds'].map((name) => path.join(modules, name)).filter((name) => fs.existsSync(name))) {
    for (const name of fs.readdirSync(prebuilt)) if (name !== platform) remove(prebuilt, name);
  }
  remove(modules, 'node-pty', 'third_party');
  for (const name of fs.readdirSync(modules, { recursive: true })) if (name.endsWith('.map')) remove(modules, name);
  fs.writeFileSync(path.join(modules, '@vscode', 'spdlog', 'index.js'), plainLogger);
  fs.writeFileSync(path.join(modules, '@vscode', 'native-watchdog', 'index.js'), plainWatchdog);
  fs.writeFileSync(path.join(folder, 'recipe'), recipe);
}

/** The code-server under .cache/editor, installed when missing: the Node to run it with, and its start file. */
export function ensureServer() {
  const stamp = path.join(cache, 'recipe');
  if (!fs.existsSync(stamp) || fs.readFileSync(stamp, 'utf8') !== recipe) {
    // Made beside and renamed, so that one broken off or two at a time never leave half an editor.
    const fresh = `${cache}-${process.pid}`;
    installServer(fresh);
    fs.rmSync(cache, { recursive: true, force: true });
    fs.renameSync(fresh, cache);
  }
  const modules = path.join(cache, 'node_modules');
  return { node: ownNode ? process.execPath : path.join(modules, nodePackage, 'bin', 'node'), start: path.join(modules, 'code-server', 'out', 'node', 'entry.js') };
}

/** A desktop VS Code, if there is one. The `code` of an editor's own remote terminal cannot run an extension from its folder. */
export function desktopEditor() {
  const code = onPath('code');
  return code && !fs.realpathSync(code).includes('remote-cli') ? code : undefined;
}

/** No calls home, no welcome pages, no questions. */
export const calmSettings = {
  'workbench.startupEditor': 'none',
  'workbench.tips.enabled': false,
  'workbench.welcomePage.walkthroughs.openOnInstall': false,
  'workbench.secondarySideBar.defaultVisibility': 'hidden',
  'security.workspace.trust.enabled': false,
  'telemetry.telemetryLevel': 'off',
  'update.mode': 'none',
  'extensions.autoCheckUpdates': false,
  'extensions.autoUpdate': false,
  'extensions.ignoreRecommendations': true,
  'chat.disableAIFeatures': true,
  'chat.commandCenter.enabled': false,
};

function freePort(wanted) {
  return new Promise((resolve, reject) => {
    const probe = net.createServer();
    probe.once('error', (error) => (wanted === 0 ? reject(error) : resolve(freePort(0))));
    probe.listen(wanted, '127.0.0.1', () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
}

/** The environment and the options that keep a server inside `data`. */
function contained(data, env) {
  const clean = Object.fromEntries(Object.entries({ ...process.env, ...env }).filter(([name]) => !/^(VSCODE_|ELECTRON_)/.test(name)));
  return {
    // An empty gallery address keeps the extensions view from asking anybody.
    env: { ...clean, XDG_CONFIG_HOME: path.join(data, 'config'), XDG_DATA_HOME: path.join(data, 'share'), EXTENSIONS_GALLERY: '{"serviceUrl":""}' },
    options: ['--config', path.join(data, 'config.yaml'), '--user-data-dir', path.join(data, 'user'), '--extensions-dir', path.join(data, 'extensions')],
  };
}

/**
 * Installs an extension as the folder it lies in, by the server's own list: nothing is copied, and a reload shows a change.
 * Loading it for development instead would need the server's test driver, which keeps notifications from showing.
 */
function linkExtension(data, folder) {
  const { publisher, name, version } = JSON.parse(fs.readFileSync(path.join(folder, 'package.json'), 'utf8'));
  const record = { identifier: { id: `${publisher}.${name}` }, version, location: { $mid: 1, scheme: 'file', path: folder } };
  fs.mkdirSync(path.join(data, 'extensions'), { recursive: true });
  fs.writeFileSync(path.join(data, 'extensions', 'extensions.json'), JSON.stringify([record]));
}

/** Installs a .vsix into the server whose data folder is `data`. */
export function installExtension(data, vsix) {
  const { node, start } = ensureServer();
  const { env, options } = contained(data, {});
  const { status, stdout, stderr } = spawnSync(node, [start, ...options, '--install-extension', vsix, '--force'], { env, encoding: 'utf8' });
  if (status !== 0) throw new Complaint(`${path.basename(vsix)} could not be installed: ${stdout}${stderr}`);
}

/**
 * Starts a server that keeps everything it writes under `data`, with the extension that lies in the folder `extension`.
 * `settings` are laid down before the start, unless the user has some from an earlier one.
 * `trust`: a folder that is opened is not trusted before somebody says so; else every folder is.
 * Returns its origin, its process id, where its output goes, and how to end it.
 */
export async function startServer({ data, settings = calmSettings, port = 0, extension, env = {}, options = [], trust = false }) {
  const { node, start } = ensureServer();
  const userSettings = path.join(data, 'user', 'User', 'settings.json');
  fs.mkdirSync(path.dirname(userSettings), { recursive: true });
  if (!fs.existsSync(userSettings)) fs.writeFileSync(userSettings, JSON.stringify(settings, null, 2));
  if (extension) linkExtension(data, extension);
  const own = contained(data, env);
  const free = await freePort(port);
  const log = path.join(data, 'server.log');
  const output = fs.openSync(log, 'w');
  const server = spawn(node, [start, ...own.options, '--bind-addr', `127.0.0.1:${free}`, '--auth', 'none', '--disable-telemetry', '--disable-update-check',
    ...(trust ? [] : ['--disable-workspace-trust']), '--disable-getting-started-override', ...options],
  { env: own.env, stdio: ['ignore', output, output] });
  fs.closeSync(output);
  const ended = new Promise((resolve) => server.once('exit', resolve));
  const gone = () => server.exitCode !== null || server.signalCode !== null;
  const stop = async () => {
    if (gone()) return;
    server.kill('SIGTERM');
    const late = setTimeout(() => server.kill('SIGKILL'), 5000);
    await ended;
    clearTimeout(late);
  };
  const origin = `http://127.0.0.1:${free}`;
  const deadline = Date.now() + 60_000;
  for (;;) {
    if (gone()) throw new Complaint(`The editor's server ended at its start: ${fs.readFileSync(log, 'utf8').trim()}`);
    if (Date.now() > deadline) throw new Complaint(`The editor's server did not answer within 60 s; see ${log}.`);
    if (await fetch(`${origin}/healthz`).then((answer) => answer.ok, () => false)) break;
    await sleep(50);
  }
  return { origin, pid: server.pid, log, ended, stop };
}

/**
 * Opens the editor on `folder`. With a desktop VS Code: returns undefined once it has taken the order.
 * With a server: its address, its end as a promise, and how to stop it.
 */
export async function openEditor(folder, { server: insist = false, port = 8123 } = {}) {
  const code = insist ? undefined : desktopEditor();
  if (code) {
    const { status } = spawnSync(code, ['--new-window', `--extensionDevelopmentPath=${root}`, folder], { stdio: 'inherit', shell: process.platform === 'win32' });
    if (status === 0) return undefined;
    say(`${code} refused (exit code ${status}): using code-server instead`);
  }
  const server = await startServer({ data: path.join(root, '.cache', 'editor-data'), port, extension: root });
  return { ...server, address: `${server.origin}/?folder=${encodeURIComponent(folder)}` };
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  await entry(async () => {
    const { values, positionals } = parseArgs({ allowPositionals: true, options: { port: { type: 'string' }, server: { type: 'boolean' }, 'install-only': { type: 'boolean' } } });
    if (values['install-only']) {
      if (values.server || !desktopEditor()) ensureServer();
      return;
    }
    const editor = await openEditor(path.resolve(positionals[0] ?? '.'), { server: values.server, ...(values.port ? { port: Number(values.port) } : {}) });
    if (!editor) return;
    say('the editor is at the address below, until Ctrl-C');
    console.log(editor.address);
    for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => void editor.stop());
    await editor.ended;
  });
}
