import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { python, repo, resultFile, temporaryFolder } from '../harness/paths';
import { Workbench, writeFiles } from '../harness/workbench';

/** Unpacks the archive into a folder, by Python's own reader; returns the names in it. */
function unpack(vsix: string, folder: string): string[] {
  const code = 'import sys, zipfile; archive = zipfile.ZipFile(sys.argv[1]); archive.extractall(sys.argv[2]); print("\\n".join(archive.namelist()))';
  return execFileSync(python, ['-c', code, vsix, folder], { encoding: 'utf8' }).trim().split('\n');
}

const pythonFiles = (folder: string): string[] => readdirSync(path.join(repo, folder), { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.py')).map((name) => `extension/${folder}/${name}`);

describe('the package', () => {
  const folder = temporaryFolder('package');
  const vsix = path.join(folder, 'minillm.vsix');
  let names: string[] = [];

  before(function pack() {
    this.timeout(60_000);
    const { status, stderr } = spawnSync(process.execPath, ['scripts/package.mjs', '--out', vsix], { cwd: repo, encoding: 'utf8' });
    assert.equal(status, 0, stderr);
    names = unpack(vsix, folder);
  });

  it('carries the bundles, the trainer with its locks, the schemas and the demo', () => {
    const wanted = ['dist/extension.js', 'dist/cli.js', 'dist/webview/runPanel.js', 'dist/webview/runPanel.css', 'trainer/requirements.txt', 'trainer/requirements-torch.txt',
      'schemas/config.schema.json', 'demo/pronounce.minillm.jsonc', 'demo/teacher/model.safetensors', 'demo/LICENSE-cmudict', 'readme.md', 'changelog.md', 'LICENSE.txt'];
    const missing = [...wanted.map((name) => `extension/${name}`), ...pythonFiles('trainer/minillm')].filter((name) => !names.includes(name));
    assert.deepEqual(missing, []);
  });

  it('carries nothing else: no sources, tests, maps, packages, native modules or what Python left behind', () => {
    const folders = new Set(names.filter((name) => name.startsWith('extension/')).map((name) => name.split('/')[1]).filter((name) => !name?.includes('.')));
    assert.deepEqual([...folders].sort(), ['demo', 'dist', 'media', 'schemas', 'syntaxes', 'trainer']);
    assert.deepEqual(names.filter((name) => /node_modules|\/tests?\/|\.map$|\.ts$|\.node$|__pycache__|\.pyc$|\/make\//.test(name)), []);
  });

  it('has a command line that finds the trainer beside it, wherever it lies', () => {
    const elsewhere = temporaryFolder('elsewhere');
    writeFiles(elsewhere, { 'wrong.minillm.jsonc': '{ "teacher": { "model": "./nowhere" } }' });
    const command = [path.join(folder, 'extension', 'dist', 'cli.js'), 'run', 'wrong.minillm.jsonc', '--python', python];
    const { status, stderr } = spawnSync(process.execPath, command, { cwd: elsewhere, encoding: 'utf8' });
    assert.equal(status, 2, stderr);
    assert.match(stderr, /wrong\.minillm\.jsonc:1:\d+: /);
    assert.ok(!existsSync(path.join(elsewhere, 'runs')), 'a config that cannot run leaves no run');
  });

  it('shows its view and opens the demo, which it carries, where it is installed @long', async function install() {
    this.timeout(120_000);
    const workbench = await Workbench.start({ vsix, name: 'package' });
    try {
      const opened = temporaryFolder('installed');
      writeFiles(opened, { 'README.md': 'A folder.\n' });
      await workbench.open(opened);
      await workbench.showContainer('MiniLLM');
      const [window] = await Promise.all([workbench.page.waitForEvent('popup'), workbench.runCommand('MiniLLM: Open Demo')]);
      await window.locator('.tab', { hasText: 'pronounce.minillm.jsonc' }).waitFor({ timeout: 40_000 });
      await window.screenshot({ path: resultFile('installed-demo.png') });
      assert.deepEqual([...workbench.strangers], [], 'nobody outside was asked for anything');
    } finally {
      await workbench.stop();
    }
  });
});
