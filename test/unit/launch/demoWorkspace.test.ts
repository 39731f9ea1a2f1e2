import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { makeDemoWorkspace, requestOpen } from '../../../src/launch/demoWorkspace';
import { repo, temporaryFolder } from '../../harness/paths';

describe('the demo workspace', () => {
  let folder: string;
  beforeEach(() => (folder = temporaryFolder('demo')));
  afterEach(() => rmSync(folder, { recursive: true }));

  it('has all that its config names', async () => {
    const config = await makeDemoWorkspace(path.join(repo, 'demo'), folder);
    assert.equal(path.dirname(config), folder);
    for (const name of ['teacher/model.safetensors', 'teacher/tokenizer.json', 'student/config.json', 'labelled.jsonl.gz', 'train.jsonl.gz', 'valid.jsonl', 'inspect.jsonl']) {
      assert.ok(existsSync(path.join(folder, name)), name);
    }
  });

  it('may be made again: brings back and renews, but keeps what is the user\'s', async () => {
    const source = path.join(folder, 'demo');
    const target = path.join(folder, 'made');
    const put = (name: string, text: string, parent = source): void => {
      mkdirSync(path.dirname(path.join(parent, name)), { recursive: true });
      writeFileSync(path.join(parent, name), text);
    };
    for (const name of ['pronounce.minillm.jsonc', 'inspect.jsonl', 'valid.jsonl', 'teacher/config.json', 'make/teacher.py']) put(name, 'as shipped');
    const config = await makeDemoWorkspace(source, target);
    assert.equal(existsSync(path.join(target, 'make')), false, 'what makes the demo is not part of it');
    put('pronounce.minillm.jsonc', 'mine', target);
    put('inspect.jsonl', 'mine', target);
    put('runs/20260101-000000-x/run.json', 'a run', target);
    rmSync(path.join(target, 'teacher/config.json'));
    put('valid.jsonl', 'a newer version ships this');
    const untouched = statSync(path.join(target, 'inspect.jsonl')).mtimeMs;

    assert.equal(await makeDemoWorkspace(source, target), config);
    const read = (name: string): string => readFileSync(path.join(target, name), 'utf8');
    assert.deepEqual(['pronounce.minillm.jsonc', 'inspect.jsonl', 'valid.jsonl', 'teacher/config.json', 'runs/20260101-000000-x/run.json'].map(read),
      ['mine', 'mine', 'a newer version ships this', 'as shipped', 'a run']);
    assert.equal(statSync(path.join(target, 'inspect.jsonl')).mtimeMs, untouched);
  });

  it('can ask the extension to open a run', async () => {
    await requestOpen(folder, { run: '20260101-000000-x', panel: true });
    assert.deepEqual(JSON.parse(readFileSync(path.join(folder, '.minillm', 'open.json'), 'utf8')), { run: '20260101-000000-x', panel: true });
  });
});
