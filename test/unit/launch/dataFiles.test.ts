import assert from 'node:assert/strict';
import { appendFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Config } from '../../../src/contract/generated';
import { changesOf, dataPaths, describeDataFiles } from '../../../src/launch/dataFiles';
import { temporaryFolder } from '../../harness/paths';

describe('the files that a run reads', () => {
  it('may not change before a resume, but for the inspection prompts, which are there to be added to', async () => {
    const folder = temporaryFolder('data');
    const [train, prompts, validation, inspect] = ['train', 'prompts', 'valid', 'inspect'].map((name) => {
      const file = path.join(folder, `${name}.jsonl`);
      writeFileSync(file, '{"prompt":"a","response":"b"}\n');
      return file;
    });
    const config = {
      data: { train, validation, corpus: null }, phases: [{ method: 'sft', train }, { method: 'minillm', prompts }], inspect: { prompts: inspect },
    } as unknown as Config;
    assert.deepEqual(dataPaths(config), [train, validation, prompts]);
    const files = await describeDataFiles(config);
    appendFileSync(inspect!, '{"prompt":"typed while it was stopped"}\n');
    assert.deepEqual(await changesOf(files), []);
    appendFileSync(prompts!, '{"prompt":"c"}\n');
    assert.deepEqual(await changesOf(files), [`${prompts!} had 30 bytes and has 45.`]);
  });

  it('count as training data where the inspection prompts are that too', () => {
    const config = { data: { train: 't', validation: 'v', corpus: null }, phases: [{ method: 'sft', train: 't' }], inspect: { prompts: 'v' } } as unknown as Config;
    assert.deepEqual(dataPaths(config), ['t', 'v']);
  });
});
