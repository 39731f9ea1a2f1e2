import assert from 'node:assert/strict';
import { parseEnvFile } from '../../../src/editor/python/envFile';
import { redact } from '../../../src/editor/diagnostics/redact';

describe('redact', () => {
  const home = '/home/ada';

  it('takes out tokens, passwords and keys, however they are written', () => {
    const secret = 'q8Zk2vLm9XwT4rNp';
    const lines = [
      `HF_TOKEN=hf_${secret}`, `HF_TOKEN=${secret}`, `{"apiKey": "${secret}"}`, `"access_key": '${secret}'`, `Authorization: Bearer ${secret}`,
      `login --token ${secret}`, `https://ada:${secret}@example.org/x.git`, `password: ${secret}`, `sk-${secret}`, `AWS_SECRET_ACCESS_KEY=${secret}`,
      `WANDB_KEY=${secret}`, `{"ENCRYPTION_KEY": "${secret}"}`, `MY_SERVICE_TOKEN: ${secret}`,
    ];
    for (const line of lines) assert.ok(!redact(line, home).includes(secret), redact(line, home));
  });

  it('leaves alone what a reader needs', () => {
    for (const line of ['step 120 of 900, 340 tokens/s', 'maxNewTokens: 256', 'tokenizer.json', 'KeyError: 3', 'https://example.org/a@b']) {
      assert.equal(redact(line, home), line);
    }
    assert.equal(redact('/home/ada/ws/runs', home), '~/ws/runs');
    assert.equal(redact('/usr/bin/python3', '/'), '/usr/bin/python3');
  });
});

describe('parseEnvFile', () => {
  it('reads names and values, and nothing else', () => {
    const text = '# comment\n\nHF_HOME=/data/hf\r\nexport HF_TOKEN="a b=c"\n  SPACED = x y \nEMPTY=\nno value\n1BAD=2\nQ=\'it\'\nHALF="x\n';
    assert.deepEqual(parseEnvFile(text), { HF_HOME: '/data/hf', HF_TOKEN: 'a b=c', SPACED: 'x y', EMPTY: '', Q: 'it', HALF: '"x' });
  });
});
