import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import * as vscode from 'vscode';
import { repo, temporaryFolder } from '../harness/paths';
import { activated, extension, until } from './api';

interface Manifest {
  readonly contributes: {
    readonly commands: readonly { readonly command: string; readonly title: string }[];
    readonly menus: Readonly<Record<string, readonly { readonly command: string }[]>>;
    readonly configuration: { readonly properties: Readonly<Record<string, { readonly type: string }>> };
  };
  readonly capabilities: { readonly untrustedWorkspaces: { readonly restrictedConfigurations: readonly string[] } };
}

describe('activation', () => {
  const manifest = (): Manifest => extension().packageJSON as Manifest;

  it('is done quickly, and knows its runs soon after', async () => {
    // Of the processor, not of the clock: what else the machine does is not the extension's.
    const before = process.cpuUsage();
    const api = await extension().activate();
    const { user, system } = process.cpuUsage(before);
    assert.ok(user + system < 500_000, `activation took ${Math.round((user + system) / 1000)} ms of the processor`);
    const begin = performance.now();
    await api.ready;
    assert.ok(performance.now() - begin < 15_000, 'the first look at the runs took more than 15 s');
  });

  it('registers every command that the manifest contributes, and contributes every command that it registers', async () => {
    await activated();
    const contributed = manifest().contributes.commands.map(({ command }) => command).sort();
    // Views bring commands of their own: minillm.runs.focus and the like.
    const registered = (await vscode.commands.getCommands(true)).filter((id) => id.startsWith('minillm.') && !id.startsWith('minillm.runs.')).sort();
    assert.deepEqual(registered, contributed);
  });

  it('names no command in a menu that it does not contribute, and shows no title that was not translated', () => {
    const { commands, menus } = manifest().contributes;
    const known = new Set(commands.map(({ command }) => command));
    for (const [menu, items] of Object.entries(menus)) for (const { command } of items) assert.ok(known.has(command), `${command} in ${menu}`);
    assert.doesNotMatch(JSON.stringify(manifest().contributes), /%[\w.]+%/);
    const raw = readFileSync(path.join(repo, 'package.json'), 'utf8');
    const texts = JSON.parse(readFileSync(path.join(repo, 'package.nls.json'), 'utf8')) as Record<string, string>;
    const used = new Set([...raw.matchAll(/"%([\w.]+)%"/g)].map((match) => match[1]));
    assert.deepEqual(Object.keys(texts).filter((key) => !used.has(key)), [], 'texts that nothing uses');
  });

  it('takes no setting from an untrusted workspace that names a program, a file or a place to write to', () => {
    const { contributes, capabilities } = manifest();
    // A switch or a number names nothing.
    const naming = Object.entries(contributes.configuration.properties).filter(([, { type }]) => type !== 'boolean' && type !== 'number');
    assert.deepEqual([...capabilities.untrustedWorkspaces.restrictedConfigurations].sort(), naming.map(([name]) => name).sort());
  });

  it('puts the command minillm on the PATH of terminals, where it knows the environment that the extension sets up', async () => {
    await activated();
    const out = path.join(temporaryFolder('terminal'), 'out.txt');
    const script = `cat "$(command -v minillm)" > '${out}'; minillm --help >> '${out}' 2>&1; echo "code $?" >> '${out}'`;
    const terminal = vscode.window.createTerminal({ name: 'minillm', shellPath: '/bin/sh', shellArgs: ['-c', script] });
    const text = await until('the answer of minillm --help', () => {
      const answer = existsSync(out) ? readFileSync(out, 'utf8') : '';
      return /code \d+/.test(answer) && answer;
    });
    terminal.dispose();
    assert.match(text, /code 0/);
    assert.match(text, /run <config>/);
    assert.match(text, /MINILLM_ENVIRONMENT='\/.*minillm.*\/python'/);
  });
});
