import assert from 'node:assert/strict';
import type { Run } from '../../../src/contract/generated';
import { whatDiffers } from '../../../src/present/comparable';

const file = (path: string, sha256: string): Run['dataFiles'][number] => ({ path, bytes: 1, sha256 });

/** What is compared of a record. */
function run(folder: string, { teacher = 't', validation = 'v', template = 'plain', maxNewTokens = 16, known = true } = {}): Run {
  return {
    config: {
      teacher: { model: `${folder}/teacher`, revision: null },
      data: { train: `${folder}/train.jsonl`, validation: `${folder}/valid.jsonl`, template, maxNewTokens },
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
    assert.deepEqual(whatDiffers(run('/a'), run('/a', { template: 'chat', maxNewTokens: 8 })), ['another template', 'another length of responses']);
  });

  it('goes by names where nobody looked at contents', () => {
    assert.deepEqual(whatDiffers(run('/a', { known: false }), run('/a')), []);
    assert.deepEqual(whatDiffers(run('/a', { known: false }), run('/b')), ['another teacher', 'other validation rows']);
  });
});
