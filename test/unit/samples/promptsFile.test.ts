import assert from 'node:assert/strict';
import type { Sample } from '../../../src/contract/generated';
import { findInspectionPrompts, findPrompts, findUnanswered, formatOf } from '../../../src/samples/promptsFile';

const samples = (prompts: Readonly<Record<string, string>>): Map<string, Sample> =>
  new Map(Object.entries(prompts).map(([promptId, prompt]) => [promptId, { promptId, prompt } as Sample]));

const find = (text: string, format: 'jsonl' | 'txt' | 'md', prompts: Readonly<Record<string, string>>): [number, string][] =>
  findPrompts(text.split('\n'), format, samples(prompts)).map(({ line, promptId }) => [line, promptId]);

describe('prompts in a file', () => {
  it('are rows with the id that was sampled, in every shape that the trainer reads', () => {
    const text = [
      '{"id": "a", "prompt": "one"}', '', '{"id":"b\\n","instruction":"two","input":"x"}',
      '{"messages": [{"role": "user", "content": "three"}], "id": 7}', '{"id": "a", "prompt": "edited since"}', '{"prompt": "six"}', '{"id": "z", "prompt": "new"}',
    ].join('\n');
    const asked = { a: 'one', 'b\n': 'Below is an instruction.\ntwo\nx', 7: '<user>three</user>', 6: 'six' };
    assert.deepEqual(find(text, 'jsonl', asked), [[0, 'a'], [2, 'b\n'], [3, '7'], [5, '6']]);
  });

  it('are known in the validation file, though its rows have the numbers of others, and in the inspection file by their own ids alone', () => {
    const asked = { 1: 'one', 2: 'two', 'validation:1': 'uno', 'validation:3': 'tres and one' };
    const validation = '{"prompt": "uno"}\n{"prompt": "one"}\n{"prompt": "tres and one"}\n{"prompt": "quatro"}';
    assert.deepEqual(find(validation, 'jsonl', asked), [[0, 'validation:1'], [1, '1'], [2, 'validation:3']], 'what stands in both files is sampled once');
    const inspection = ['{"prompt": "one"}', '{"prompt": "two"}', '{"prompt": "and"}'];
    assert.deepEqual(findInspectionPrompts(inspection, samples(asked)).map(({ line, promptId }) => [line, promptId]), [[0, '1'], [1, '2']]);
    assert.deepEqual(findUnanswered(inspection, samples(asked)), [2]);
  });

  it('are not found in rows that are being typed, or are no rows', () => {
    assert.deepEqual(find('{"id": "a", "prompt": "on\n{"id": "a"}\n[1]\nnull\n"a"\n{"id": "a", "prompt": 3}', 'jsonl', { a: 'one', 2: 'x' }), []);
  });

  it('are lines of text, and items of lists', () => {
    assert.deepEqual(find('one\n\n  two  \nthree words', 'txt', { a: 'one', b: 'two' }), [[0, 'a'], [2, 'b']]);
    assert.deepEqual(find('# one\n- one\n* two\n1. `c o w :`\n\none', 'md', { a: 'one', b: 'two', c: 'c o w :' }), [[1, 'a'], [2, 'b'], [3, 'c']]);
  });

  it('are found in a file of ten thousand rows in no time', () => {
    const row = (n: number): string => JSON.stringify({ id: `row-${n}`, prompt: `what is ${n}?`, response: 'x'.repeat(200) });
    const lines = Array.from({ length: 10_000 }, (_, n) => row(n));
    const asked = samples(Object.fromEntries(Array.from({ length: 500 }, (_, n) => [`row-${n * 20}`, `what is ${n * 20}?`])));
    const started = performance.now();
    assert.equal(findPrompts(lines, 'jsonl', asked).length, 500);
    const taken = performance.now() - started;
    assert.ok(taken < 250, `${taken} ms`);
  });

  it('are told apart from rows that nobody has answered yet', () => {
    const prompts = new Map([['a', { promptId: 'a', prompt: 'c o u g h :' } as Sample]]);
    const lines = ['{"id": "a", "prompt": "c o u g h :"}', '', '{"id": "b", "prompt": "new"}', '{"id": "c", "pro', '{"id": "d"}'];
    assert.deepEqual(findUnanswered(lines, prompts), [2]);
  });

  it('are looked for where prompts are written', () => {
    assert.deepEqual(['a.jsonl', 'b.TXT', 'c.md', 'd.json', 'jsonl'].map(formatOf), ['jsonl', 'txt', 'md', undefined, undefined]);
  });
});
