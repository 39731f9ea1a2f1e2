import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { LaunchError } from '../../../src/launch/errors';
import { cacheFolder, installTrainer } from '../../../src/launch/trainerPackage';
import { temporaryFolder } from '../../harness/paths';

describe('the trainer\'s copy', () => {
  let source: string;
  let cache: string;

  beforeEach(() => {
    source = temporaryFolder('source');
    cache = temporaryFolder('cache');
    put('minillm/__init__.py', '');
    put('minillm/phases/sft.py', 'x = 1\n');
    put('minillm/__pycache__/sft.cpython-311.pyc', 'compiled');
    put('minillm/notes.txt', 'no code');
    put('tests/test_x.py', 'x');
  });
  afterEach(() => [source, cache].forEach((folder) => rmSync(folder, { recursive: true })));

  function put(name: string, content: string): void {
    mkdirSync(path.dirname(path.join(source, name)), { recursive: true });
    writeFileSync(path.join(source, name), content);
  }
  const filesOf = (folder: string): string[] => readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile()).map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name))).sort();

  it('holds the package\'s Python files and nothing else', async () => {
    const copy = await installTrainer(source, cache);
    assert.deepEqual(filesOf(copy), ['minillm/__init__.py', 'minillm/phases/sft.py']);
    assert.equal(path.dirname(copy), path.join(cache, 'trainer'));
  });

  it('lies elsewhere once the code changes, and stays for the runs that use it', async () => {
    const before = await installTrainer(source, cache);
    put('minillm/phases/sft.py', 'x = 2\n');
    const after = await installTrainer(source, cache);
    assert.notEqual(after, before);
    assert.equal(readFileSync(path.join(before, 'minillm/phases/sft.py'), 'utf8'), 'x = 1\n');
    put('minillm/phases/sft.py', 'x = 1\n');
    assert.equal(await installTrainer(source, cache), before);
    put('minillm/phases/renamed.py', 'x = 1\n');
    rmSync(path.join(source, 'minillm/phases/sft.py'));
    assert.notEqual(await installTrainer(source, cache), before, 'names count, too');
  });

  it('is made once by many launches at a time, and leaves nothing else behind', async () => {
    for (let i = 0; i < 40; i++) put(`minillm/part${i}.py`, `x = ${i}\n`.repeat(500));
    const copies = await Promise.all(Array.from({ length: 12 }, () => installTrainer(source, cache)));
    assert.equal(new Set(copies).size, 1);
    assert.deepEqual(readdirSync(path.join(cache, 'trainer')), [path.basename(copies[0]!)]);
    assert.equal(filesOf(copies[0]!).length, 42);
  });

  it('is made anew when something took files out of it or changed them', async () => {
    const copy = await installTrainer(source, cache);
    rmSync(path.join(copy, 'minillm/phases/sft.py'));
    assert.equal(await installTrainer(source, cache), copy);
    writeFileSync(path.join(copy, 'minillm/phases/sft.py'), 'import evil\n');
    await Promise.all([installTrainer(source, cache), installTrainer(source, cache)]);
    assert.equal(readFileSync(path.join(copy, 'minillm/phases/sft.py'), 'utf8'), 'x = 1\n');
    assert.deepEqual(readdirSync(path.join(cache, 'trainer')), [path.basename(copy)]);
  });

  it('says in a sentence why it cannot be made', async () => {
    await assert.rejects(installTrainer(path.join(source, 'none'), cache), (error) => error instanceof LaunchError && error.reason === 'trainer missing');
    writeFileSync(path.join(cache, 'trainer'), 'a file where the folder should be');
    await assert.rejects(installTrainer(source, cache), (error) => error instanceof LaunchError && /cannot be copied to/.test(error.message));
  });

  it('lies where this user\'s caches lie', () => {
    assert.equal(cacheFolder({ XDG_CACHE_HOME: '/x/cache' }), path.join('/x/cache', 'minillm'));
    assert.ok(path.isAbsolute(cacheFolder({ XDG_CACHE_HOME: 'relative' })));
  });
});
