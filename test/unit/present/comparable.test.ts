import assert from 'node:assert/strict';
import type { Run } from '../../../src/contract/generated';
import { whatDiffers } from '../../../src/present/comparable';

const file = (path: string, sha256: string): Run['dataFiles'][number] => ({ path, bytes: 1, sha256 });

/** What is compared of a record. */
function run(folder: string, { teacher = 't', validation = 'v', known = true, evaluation = { unit: 'word' }, ...more } = {}, data = {}): Run {
  return {
    config: {
      teacher: { model: `${folder}/teacher`, revision: null },
      data: {
        train: `${folder}/train.jsonl`, validation: `${folder}/valid.jsonl`, template: 'plain', endToken: null, maxPromptTokens: 16, maxNewTokens: 16,
        ...data,
      },
      evaluation,
      ...more,
    },
    ...(known ? {
      dataFiles: [file(`${folder}/train.jsonl`, folder), file(`${folder}/valid.jsonl`, validation)],
      modelFiles: [file(`${folder}/teacher/model.safetensors`, teacher), file(`${folder}/teacher-2/model.safetensors`, 'x')],
    } : {}),
  } as unknown as Run;
}

describe('whether two runs can be compared', () => {
  it('goes by what they were scored on, wherever that lies', () => {
    assert.deepEqual(whatDiffers(run('/a'), run('/b')), [], 'training data may differ: that is what one tries');
    assert.deepEqual(whatDiffers(run('/a'), run('/a', { teacher: 'u' })), ['another teacher'], 'in the same folder');
    assert.deepEqual(whatDiffers(run('/a'), run('/b', { validation: 'w' })), ['other validation rows']);
    assert.deepEqual(whatDiffers(run('/a'), run('/a', {}, { template: 'chat', maxNewTokens: 8 })), ['another template', 'another length of responses']);
    const units = run('/a', { evaluation: { unit: 'character' } }, { endToken: '<|end|>', maxPromptTokens: 8 });
    assert.deepEqual(whatDiffers(run('/a'), units), ['another end token', 'another length of prompts', 'another unit of scores']);
  });

  it('is no question of training data where there are no validation rows', () => {
    const without = { validation: null };
    assert.deepEqual(whatDiffers(run('/a', {}, without), run('/b', {}, without)), []);
    assert.deepEqual(whatDiffers(run('/a', {}, without), run('/b')), ['other validation rows']);
  });

  it('can be asked of a record of which parts are missing, or are none of ours', () => {
    const { teacher } = run('/a').config;
    const odd = (config: object): Run => ({ config: { teacher, ...config } }) as unknown as Run;
    for (const part of [undefined, null, 'text', 5, { validation: { toString: 1 }, template: [] }]) {
      assert.ok(whatDiffers(run('/a'), odd({ data: part, evaluation: part })).includes('other validation rows'));
      assert.doesNotThrow(() => whatDiffers(odd({ data: part }), odd({ teacher: { model: 'm', revision: { toString: 1 } } })));
    }
    assert.deepEqual(whatDiffers(run('/a', {}, { endToken: undefined }), run('/a')), [], 'older than the setting');
  });

  it('goes by names where nobody looked at contents', () => {
    assert.deepEqual(whatDiffers(run('/a', { known: false }), run('/a')), []);
    assert.deepEqual(whatDiffers(run('/a', { known: false }), run('/b')), ['another teacher', 'other validation rows']);
  });
});
