import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readdirSync, rmSync } from 'node:fs';
import { installCommand } from '../../../src/present/shell';
import { uriPart } from '../../../src/present/text';
import { temporaryFolder } from '../../harness/paths';

describe('a command to copy into a shell', () => {
  it('means there what it says, whatever names are in it', () => {
    const folder = temporaryFolder('shell');
    const packages = ['torch>=2.6', 'transformers>=4.49,<6', 'a b', "it's", '$(touch x)', '`touch y`', '"', 'pydantic'];
    for (const python of ['/usr/bin/python3', '/my tools/python', '/$HOME/py"thon']) {
      const said = execFileSync('sh', ['-c', `printf '%s\\n' ${installCommand(python, packages)}`], { cwd: folder, encoding: 'utf8' });
      assert.deepEqual(said.trimEnd().split('\n'), [python, '-m', 'pip', 'install', ...packages]);
    }
    assert.deepEqual(readdirSync(folder), []);
    assert.equal(installCommand('/usr/bin/python3', ['torch>=2.6']), '/usr/bin/python3 -m pip install "torch>=2.6"');
    rmSync(folder, { recursive: true });
  });
});

describe('a part of an address', () => {
  it('is made of any text, half a surrogate pair too', () => {
    assert.equal(decodeURIComponent(uriPart('a\ud83d&\ud83d\ude00')), 'a\ufffd&\ud83d\ude00');
  });
});
