import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { LaunchError } from '../../../src/launch/errors';
import { choosePython, findPython, listPythons, probePython, type PythonSearch, whyUnfit } from '../../../src/launch/python';
import { temporaryFolder } from '../../harness/paths';

const probe = { pythonVersion: '3.12.1', executable: 'python', packages: { torch: '2.13.0' }, missing: [], problems: [], devices: ['cpu'] };

/** A program that answers as an interpreter with the trainer's package would. */
const answering = (answer: object): string => `#!/bin/sh\n/bin/cat <<'END'\n${JSON.stringify(answer)}\nEND\n`;
/** One that does not know the option -P, but can tell its version. */
const old = (version: string): string => `#!/bin/sh\nif [ "$1" = "-P" ]; then echo "Unknown option: -P" >&2; exit 2; fi\necho ${version}\n`;

describe('which Python trains', () => {
  let folder: string;
  beforeEach(() => (folder = temporaryFolder('python')));
  afterEach(() => rmSync(folder, { recursive: true }));

  function put(name: string, content = answering(probe)): string {
    const file = path.join(folder, name);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, content);
    chmodSync(file, 0o755);
    return file;
  }
  /** Everything there can be, each in its place. */
  function everything(): PythonSearch {
    for (const name of ['setting/bin/python', 'variable', 'editor/bin/python', 'w/.venv/bin/python', 'w/venv/bin/python', 'shell/bin/python', 'conda/bin/python', 'own/bin/python', 'path/python3', 'path/python']) put(name);
    const at = (name: string): string => path.join(folder, name);
    return {
      workspace: at('w'), setting: at('setting'), editorChoice: at('editor/bin/python'), productEnvironments: [at('own')],
      env: { MINILLM_PYTHON: at('variable'), VIRTUAL_ENV: at('shell'), CONDA_PREFIX: at('conda'), PATH: at('path') },
    };
  }

  it('is looked for in the order that the documentation gives, each with its reason', async () => {
    const found = await listPythons(everything());
    assert.deepEqual(found.map((choice) => path.relative(folder, choice.path)), [
      'setting/bin/python', 'variable', 'editor/bin/python', 'w/.venv/bin/python', 'w/venv/bin/python', 'shell/bin/python', 'conda/bin/python',
      'own/bin/python', 'path/python3', 'path/python',
    ]);
    for (const { reason } of found) assert.match(reason, /\.$/);
    assert.equal((await findPython(everything()))?.path, found[0]?.path);
  });

  it('may be named as a path, a folder, a command, from home or from the workspace', async () => {
    const file = put('w/tools/python');
    const env = { PATH: path.join(folder, 'w/tools'), HOME: path.join(folder, 'w') };
    for (const setting of [file, 'tools/python', '~/tools/python', 'python', '${workspaceFolder}/tools/python', '  tools/python ']) {
      assert.equal((await findPython({ workspace: path.join(folder, 'w'), setting, env }))?.path, file, setting);
    }
  });

  it('is an error when the one that was named does not exist, and no other stands in for it', async () => {
    const search = { ...everything(), setting: '/nowhere/python' };
    await assert.rejects(findPython(search), (error) => error instanceof LaunchError && error.reason === 'no python' && error.message.includes('/nowhere/python'));
    assert.equal((await listPythons(search))[0]?.path, path.join(folder, 'variable'), 'a list to choose from leaves it out');
  });

  it('is never taken from the working directory by way of the PATH', async () => {
    assert.equal(await findPython({ env: { PATH: ['', '.', 'bin'].join(path.delimiter) } }), undefined);
  });

  it('is the first of those found that can train; the reason names what was passed over', async () => {
    const search: PythonSearch = { workspace: path.join(folder, 'w'), env: { PATH: path.join(folder, 'path') } };
    put('w/.venv/bin/python', answering({ ...probe, packages: { torch: '2.13.0' }, missing: ['transformers', 'safetensors'] }));
    put('w/venv/bin/python', old('3.9.2'));
    const fit = put('path/python3');
    const { choice } = await choosePython(search, folder);
    assert.equal(choice.path, fit);
    assert.match(choice.reason, /^python3 on the PATH\. .*lacks transformers, safetensors.* Python 3\.9\.2 .*too old/);
  });

  it('is not replaced when it was named and cannot train', async () => {
    put('path/python3');
    const named = put('named', answering({ ...probe, missing: ['torch'], packages: {} }));
    const search = { setting: named, env: { PATH: path.join(folder, 'path') } };
    await assert.rejects(choosePython(search, folder), (error) => error instanceof LaunchError && error.reason === 'packages missing' && /lacks torch/.test(error.message));
  });

  it('says what is wrong where none can train', async () => {
    await assert.rejects(choosePython({ env: { PATH: folder } }, folder), (error) => error instanceof LaunchError && error.reason === 'no python');
    put('python3', old('3.10.4'));
    await assert.rejects(choosePython({ env: { PATH: folder } }, folder), (error) => error instanceof LaunchError && error.reason === 'python too old' && /3\.10\.4/.test(error.message));
    put('python3', '#!/bin/sh\necho "ImportError: libpython is missing" >&2\nexit 1\n');
    await assert.rejects(choosePython({ env: { PATH: folder } }, folder), (error) => error instanceof LaunchError && error.reason === 'python broken' && /libpython is missing/.test(error.message));
  });

  it('has torch but lacks something else: both are said', () => {
    assert.equal(whyUnfit('/p', { ...probe, missing: ['peft'] })?.message, '/p has torch 2.13.0 but lacks peft.');
    assert.equal(whyUnfit('/p', probe), undefined);
  });

  it('tells of an interpreter that is too old even for the question', async () => {
    const found = await probePython(put('python3', old('3.8.10')), folder, {});
    assert.equal(found.pythonVersion, '3.8.10');
    assert.equal(found.problems.length, 1);
  });
});
