import assert from 'node:assert/strict';
import type { ConfigEdit, Problem } from '../../../src/contract/generated';
import { stillHolding } from '../../../src/config/holds';
import { mendByEdits, mendsOf } from '../../../src/config/mend';

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

describe('what a problem brings along to mend it', () => {
  const TEXT = `{
  // A comment, as configs have them.
  "teacher": { "model": "t" },
  "data": { "train": "a.jsonl", "maxNewTokens": 8 }, // kept
  "phases": [{ "method": "sft" }, { "method": "minillm", "steps": 3 }]
}
`;

  function applied(edits: readonly ConfigEdit[]): { readonly title: string | undefined; readonly text: string } {
    const mend = mendByEdits(TEXT, edits);
    const [edit] = mend?.edits ?? [];
    if (!edit) return { title: undefined, text: TEXT };
    const { span: { offset, length }, text } = edit;
    return { title: mend?.title, text: TEXT.slice(0, offset) + text + TEXT.slice(offset + length) };
  }

  it('is set where it stands, and put in where it does not, all at once', () => {
    const { title, text } = applied([
      { pointer: '/data/maxNewTokens', value: 16 }, { pointer: '/phases/1/microBatchSize', value: 4 }, { pointer: '/student/lora', value: { rank: 16 } },
    ]);
    assert.equal(title, 'Set data.maxNewTokens to 16, phases[1].microBatchSize to 4, student.lora to {"rank":16}');
    const config = JSON.parse(text.replaceAll(/\/\/.*/g, '')) as { data: unknown; phases: unknown[]; student: unknown };
    assert.deepEqual(config.data, { train: 'a.jsonl', maxNewTokens: 16 });
    assert.deepEqual(config.phases[1], { method: 'minillm', steps: 3, microBatchSize: 4 });
    assert.deepEqual(config.student, { lora: { rank: 16 } });
    for (const comment of ['// A comment, as configs have them.', '// kept']) assert.ok(text.includes(comment));
  });

  it('is nothing where there is nothing to set', () => {
    assert.equal(mendByEdits(TEXT, []), undefined);
    assert.equal(mendByEdits('[', [{ pointer: '/a', value: 1 }]), undefined);
  });

  it('takes its note with it, and no other', () => {
    const note = (pointer: string, ...edits: ConfigEdit[]): Problem => ({ text: pointer, file: null, line: null, pointer, severity: 'warning', edits });
    const cut = note('/data/maxNewTokens', { pointer: '/data/maxNewTokens', value: 16 });
    const notes = [cut, note('/phases/1/microBatchSize', { pointer: '/phases/1/microBatchSize', value: 4 }), note('/data/train')];
    const left = (text: string): string[] => stillHolding(notes, TEXT, text).map(({ text: name }) => name);
    assert.deepEqual(left(applied(cut.edits).text), ['/phases/1/microBatchSize', '/data/train']);
    assert.deepEqual(left(applied([{ pointer: '/phases/1/microBatchSize', value: 4 }]).text), ['/data/maxNewTokens', '/data/train']);
    assert.deepEqual(left(TEXT.replace('// kept', '')), notes.map(({ text }) => text), 'comments change nothing');
    assert.deepEqual(left(TEXT.replace('"t"', '"another"')), [], 'another teacher is another run');
    assert.deepEqual(left(TEXT.replace('"a.jsonl"', '"a.jso')), notes.map(({ text }) => text), 'in the middle of a word nothing is known');
  });
});
