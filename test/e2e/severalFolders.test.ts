// A workspace of two folders: what is chosen, run or looked at in one leaves the other alone.
import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { until } from '../harness/page';
import { python, temporaryFolder } from '../harness/paths';
import { sharedWorkbench } from '../harness/shared';
import { type Workbench, writeFiles } from '../harness/workbench';

describe('in a workspace of several folders', function suite() {
  this.timeout(120_000);
  let workbench: Workbench;
  let root: string;
  const at = (...parts: string[]): string => path.join(root, ...parts);
  const text = (...parts: string[]): string => (existsSync(at(...parts)) ? readFileSync(at(...parts), 'utf8') : '');
  /** What the server was started with. */
  const ofTheWindow = process.env['MINILLM_PYTHON'] ?? '';
  /** A file of the second folder, from the explorer: a list of files calls it by its folder, too. */
  const openSecond = async (): Promise<void> => {
    await workbench.treeRow('beta.txt').click();
    await workbench.page.locator('.tab.active', { hasText: 'beta.txt' }).waitFor();
  };

  before(async () => {
    workbench = await sharedWorkbench();
    root = temporaryFolder('several');
    writeFiles(root, {
      'both.code-workspace': JSON.stringify({ folders: [{ path: 'a' }, { path: 'b' }], settings: {} }),
      'a/alpha.txt': 'The first folder.\n',
      'b/beta.txt': 'The second folder.\n',
      'b/.venv/bin/python': `#!/bin/sh\nexec '${python}' "$@"\n`,
      'b/.vscode/settings.json': JSON.stringify({ 'minillm.runsFolder': at('scratch') }),
    });
    chmodSync(at('b', '.venv', 'bin', 'python'), 0o755);
    mkdirSync(at('scratch'));
    await workbench.open(at('both.code-workspace'));
    await openSecond();
  });

  it('Python is chosen for the folder of the file that is open, and no other', async () => {
    await workbench.runCommand('MiniLLM: Select Python Environment');
    await workbench.pick('b/.venv/bin/python');
    const chosen = await until('the choice', () => text('b', '.vscode', 'settings.json').includes('pythonPath') && text('b', '.vscode', 'settings.json'));
    assert.deepEqual(JSON.parse(chosen), { 'minillm.runsFolder': at('scratch'), 'minillm.pythonPath': '.venv/bin/python' });
    assert.doesNotMatch(text('both.code-workspace'), /pythonPath/);
    assert.equal(text('a', '.vscode', 'settings.json'), '');
  });

  /** What a new terminal of a folder knows. */
  const knownIn = async (folder: string): Promise<string> => {
    await workbench.runCommand('Terminal: Create New Terminal');
    await workbench.pick(new RegExp(`^${folder}(?![a-z])`));
    await workbench.page.locator('.terminal-wrapper.active .xterm').last().waitFor();
    await until(`the terminal of ${folder}`, async () => {
      await workbench.page.keyboard.type('echo "$MINILLM_PYTHON" > known.txt\n');
      return text(folder, 'known.txt').endsWith('\n');
    });
    return text(folder, 'known.txt').trim();
  };

  it('a terminal knows the Python of its own folder', async () => {
    assert.equal(await knownIn('b'), at('b', '.venv', 'bin', 'python'));
    assert.equal(await knownIn('a'), ofTheWindow);
  });

  it('Doctor looks at the disk that runs of that folder go to', async () => {
    await openSecond();
    await workbench.runCommand('MiniLLM: Doctor');
    await workbench.page.locator('.view-line', { hasText: /are\sfree\sin\s.*scratch\./ }).waitFor({ timeout: 60_000 });
    await workbench.runCommand('View: Close All Editors');
  });

  it('a terminal knows nothing of a folder whose place its own has taken', async () => {
    writeFiles(root, { 'c/gamma.txt': 'Another folder.\n', 'both.code-workspace': JSON.stringify({ folders: [{ path: 'a' }, { path: 'c' }], settings: {} }) });
    await workbench.treeRow('gamma.txt').waitFor();
    assert.equal(await knownIn('c'), ofTheWindow);
    await workbench.runCommand('Terminal: Kill All Terminals');
  });
});
