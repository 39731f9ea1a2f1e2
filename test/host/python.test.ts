import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import * as vscode from 'vscode';
import type { EditorContext } from '../../src/editor/context';
import { PythonEnvironments } from '../../src/editor/python/environments';
import { PythonExtension } from '../../src/editor/python/pythonExtension';
import { usePython } from '../../src/editor/python/select';
import { python, repo, temporaryFolder } from '../harness/paths';
import { until, useTestPython, workspace } from './api';

const { Global, Workspace } = vscode.ConfigurationTarget;
const setting = (): vscode.WorkspaceConfiguration => vscode.workspace.getConfiguration('minillm', vscode.Uri.file(workspace()));

describe('the Python that trains', () => {
  afterEach(async () => {
    await setting().update('pythonPath', undefined, Global);
    await useTestPython(python);
  });

  it('is chosen automatically again wherever the setting that named one lies', async () => {
    await setting().update('pythonPath', '/nowhere/user', Global);
    await setting().update('pythonPath', '/nowhere/workspace', Workspace);
    await usePython(workspace(), undefined);
    assert.equal(setting().get('pythonPath'), '');
  });

  it('is written relative to its folder, for whoever shares the settings, and absolute where it lies outside', async () => {
    await usePython(workspace(), path.join(workspace(), '.venv', 'bin', 'python'));
    assert.equal(setting().inspect('pythonPath')?.workspaceValue, '.venv/bin/python');
    await usePython(workspace(), '/usr/bin/python3');
    assert.equal(setting().inspect('pythonPath')?.workspaceValue, '/usr/bin/python3');
  });

  it('stays when a probe that began before it fails late', async () => {
    const folder = temporaryFolder('python');
    const slow = path.join(folder, 'slow');
    writeFileSync(slow, `#!/bin/sh\ntouch '${folder}/begun'\nwhile [ ! -e '${folder}/fail' ]; do sleep 0.05; done\nexit 1\n`);
    chmodSync(slow, 0o755);
    const log = { info: () => undefined };
    const context = { log, shipped: (...parts: string[]) => path.join(repo, ...parts), storage: () => folder } as unknown as EditorContext;
    const environments = new PythonEnvironments(context);
    try {
      await setting().update('pythonPath', slow, Workspace);
      const stale = environments.ready(workspace());
      await until('the slow probe', () => existsSync(path.join(folder, 'begun')));
      await useTestPython(python);
      const found = await until('the setting', () => setting().get('pythonPath') === python && environments.ready(workspace()));
      writeFileSync(path.join(folder, 'fail'), '');
      await assert.rejects(stale, /does not run|cannot run/);
      assert.equal(found.choice.path, python);
      assert.equal((await environments.ready(workspace())).choice.path, python);
    } finally {
      environments.dispose();
    }
  });

  it('is not found where a file of variables is gone, and the error says how to mend it', async () => {
    const context = { storage: () => '' } as unknown as EditorContext;
    const environments = new PythonEnvironments(context);
    try {
      await setting().update('envFile', 'gone.env', Workspace);
      await assert.rejects(environments.environmentFor(workspace()), /gone\.env.*cannot be read \(ENOENT\)\. Make it, or correct or clear the setting\./);
    } finally {
      await setting().update('envFile', undefined, Workspace);
      environments.dispose();
    }
  });

  it('is the choice of a Python extension that is installed while the window is open', async function installed() {
    this.timeout(60_000);
    const asked = new PythonExtension();
    let changes = 0;
    const listener = asked.onDidChange(() => changes += 1);
    try {
      assert.equal(await asked.choice(workspace()), undefined);
      await vscode.commands.executeCommand('workbench.extensions.installExtension', vscode.Uri.file(packPythonExtension(temporaryFolder('vsix'))));
      await until('word of the choice', () => changes > 0);
      assert.equal(await asked.choice(workspace()), '/chosen/bin/python');
    } finally {
      await vscode.commands.executeCommand('workbench.extensions.uninstallExtension', 'ms-python.python');
      listener.dispose();
      asked.dispose();
    }
  });
});

/** A package of an extension that goes by the Python extension's name, and says of every workspace that one interpreter is chosen. */
function packPythonExtension(folder: string): string {
  const manifest = { name: 'python', publisher: 'ms-python', version: '1.0.0', engines: { vscode: '^1.100.0' }, main: './main.js', activationEvents: [] };
  const environments = `{
    getActiveEnvironmentPath: () => ({ path: '/chosen' }),
    resolveEnvironment: async ({ path }) => ({ executable: { uri: require('vscode').Uri.file(path + '/bin/python') } }),
    onDidChangeActiveEnvironmentPath: () => ({ dispose() {} }),
  }`;
  writeFileSync(path.join(folder, 'package.json'), JSON.stringify(manifest));
  writeFileSync(path.join(folder, 'main.js'), `exports.activate = () => ({ environments: ${environments} });\n`);
  const vsce = path.join(repo, 'node_modules', '@vscode', 'vsce', 'vsce');
  const out = path.join(folder, 'python.vsix');
  execFileSync(process.execPath, [vsce, 'package', '--no-dependencies', '--allow-missing-repository', '--skip-license', '--out', out], { cwd: folder });
  return out;
}
