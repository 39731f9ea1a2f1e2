import assert from 'node:assert/strict';
import { resolvePath, resolveProgram, writtenProgram } from '../../../src/launch/expand';

describe('a path in a setting', () => {
  const where = { workspace: '/work', env: { HOME: '/home/me' } };

  it('may begin with the home folder or the workspace, and is relative to the workspace', () => {
    assert.deepEqual(['~/runs', '~', '${workspaceFolder}/x', 'runs', '../a', '/abs', '~x/y'].map((text) => resolvePath(text, where)),
      ['/home/me/runs', '/home/me', '/work/x', '/work/runs', '/a', '/abs', '/work/~x/y']);
  });

  it('is the name of a command when it has no separator and a program is named', () => {
    assert.deepEqual(['python3.12', '.venv/bin/python', '~/env', '${workspaceFolder}/env'].map((text) => resolveProgram(text, where)),
      ['python3.12', '/work/.venv/bin/python', '/home/me/env', '/work/env']);
  });

  it('is written relative to the workspace inside it, and means the same program when it is read', () => {
    const programs = ['/work/.venv/bin/python', '/work/python', '/work/..env/python', '/workshop/python', '/usr/bin/python3'];
    const written = programs.map((file) => writtenProgram(file, where.workspace));
    assert.deepEqual(written, ['.venv/bin/python', './python', '..env/python', '/workshop/python', '/usr/bin/python3']);
    assert.deepEqual(written.map((text) => resolveProgram(text, where)), programs);
  });
});
