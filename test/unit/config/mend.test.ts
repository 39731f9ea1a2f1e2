import assert from 'node:assert/strict';
import { mendsOf } from '../../../src/config/mend';

const CONFIG = '{ "teachr": { "model": "t" }, "student": { "model": "s" }, "phases": [{ "method": "minilm" }] }';

function mended(marked: string, sentence: string, text = CONFIG): string[] {
  const mends = mendsOf(text, { offset: text.indexOf(marked), length: marked.length }, sentence);
  return mends.map(({ edits }) => [...edits].reverse().reduce(
    (out, { span: { offset, length }, text: put }) => out.slice(0, offset) + put + out.slice(offset + length), text,
  ));
}

describe('what mends a config', () => {
  it('is the key that was meant', () => {
    assert.deepEqual(mended('"teachr": { "model": "t" }', '"teachr" is no key of the config: did you mean "teacher"?'), [CONFIG.replace('teachr', 'teacher')]);
    assert.deepEqual(mended('"teachr"', '"colour" is no key of the config: its keys are name, teacher.'), []);
    assert.deepEqual(mended('"student"', '"teachr" is no key of the config: did you mean "teacher"?'), [], 'the text has changed meanwhile');
  });

  it('is the nearest of the values that are allowed, if it is near', () => {
    const must = 'it must be "sft", "kd" or "minillm".';
    assert.deepEqual(mended('"method": "minilm"', `phases[0].method is the text "minilm"; ${must}`), [CONFIG.replace('"minilm"', '"minillm"')]);
    const other = CONFIG.replace('minilm', 'reinforce');
    assert.deepEqual(mended('"method": "reinforce"', `phases[0].method is the text "reinforce"; ${must}`, other), []);
  });

  it('is the teacher\'s tokenizer where the student has none', () => {
    const [text] = mended('"model": "s"', 'The student s has no tokenizer: set "tokenizer": "teacher", or add tokenizer.json.');
    assert.deepEqual((JSON.parse(text ?? '') as { student: unknown }).student, { model: 's', tokenizer: 'teacher' });
  });
});
