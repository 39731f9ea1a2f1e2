import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Config } from '../../../src/contract/generated';
import { describeModelFiles, modelChangesOf } from '../../../src/launch/modelFiles';
import { python, repo, temporaryFolder } from '../../harness/paths';

describe('files of local models', () => {
  let folder: string;
  const inFolder = (...parts: string[]): string => path.join(folder, ...parts);
  /** Nothing repeats at the distances of the slices. */
  function large(shift: number): Buffer {
    const pattern = Array.from({ length: 251 }, (_, place) => (place + shift) % 251);
    return Buffer.alloc((16 << 20) + 12_345, Buffer.from(pattern));
  }


  beforeEach(() => {
    folder = temporaryFolder('models');
    for (const who of ['teacher', 'student']) {
      mkdirSync(inFolder(who, 'checkpoint'), { recursive: true });
      writeFileSync(inFolder(who, 'config.json'), `{"model_type":"${who}"}`);
      writeFileSync(inFolder(who, 'notes.md'), 'read by nobody');
    }
    writeFileSync(inFolder('teacher', 'model.safetensors'), large(0));
  });

  afterEach(() => rmSync(folder, { recursive: true }));

  function config(more: Partial<Config['student']> = {}): Config {
    return { teacher: { model: inFolder('teacher') }, student: { model: inFolder('student'), tokenizer: 'teacher', ...more } } as Config;
  }

  async function names(given: Config, fork = false): Promise<string[]> {
    return (await describeModelFiles(given, fork)).map((file) => path.relative(folder, file.path));
  }

  it('are those that a run reads; what lies on the hub, and what a fork holds itself, is left out', async () => {
    assert.deepEqual(await names(config()), ['teacher/config.json', 'teacher/model.safetensors', 'student/config.json']);
    assert.deepEqual(await names(config({ model: 'gpt2', tokenizer: null })), ['teacher/config.json', 'teacher/model.safetensors']);
    assert.deepEqual(await names(config(), true), ['teacher/config.json', 'teacher/model.safetensors']);
  });

  it('are missed when they change, by a look at slices of what is large', async () => {
    const were = await describeModelFiles(config(), false);
    assert.deepEqual(await modelChangesOf(were), []);
    writeFileSync(inFolder('teacher', 'model.safetensors'), large(1));
    assert.deepEqual(await modelChangesOf(were), [`${inFolder('teacher', 'model.safetensors')} has other content of the same size.`]);
    rmSync(inFolder('student', 'config.json'));
    assert.match((await modelChangesOf(were)).join(' '), /student\/config\.json cannot be read any more \(ENOENT\)/);
    assert.deepEqual(await modelChangesOf(undefined), [], 'older versions wrote none down');
  });

  it('are described by the trainer in the same way', async () => {
    const were = await describeModelFiles(config(), false);
    const script = 'import json, sys; from minillm.data_files import changes_of_run as of; print(json.dumps(of({"modelFiles": json.loads(sys.argv[1])})))';
    const ask = (): unknown => {
      const { stdout, stderr } = spawnSync(python, ['-c', script, JSON.stringify(were)], { cwd: path.join(repo, 'trainer'), encoding: 'utf8' });
      return JSON.parse(stdout || `"${stderr}"`);
    };
    assert.deepEqual(ask(), []);
    writeFileSync(inFolder('teacher', 'model.safetensors'), large(1));
    assert.deepEqual(ask(), [`${inFolder('teacher', 'model.safetensors')} has other content of the same size.`]);
  });
});
