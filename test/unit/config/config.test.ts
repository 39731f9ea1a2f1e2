import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import Ajv from 'ajv';
import { parse } from 'jsonc-parser';
import { diagnoseConfig } from '../../../src/config/diagnose';
import { parseConfig } from '../../../src/config/parseConfig';
import { outlineConfig } from '../../../src/config/phases';
import { Lines, type Range } from '../../../src/config/positions';
import { newConfigText } from '../../../src/config/template';
import type { Problem } from '../../../src/contract/generated';
import { repo } from '../../harness/paths';

const text = `// A comment
{
  "name": "größer 😀", // after two UTF-16 units
  "data": { "train": "a.jsonl",
            "a/b": 1, "c~d": 2 },
  "phases": [
    { "method": "sft", "epochs": 3 },
    {
      "method": "minillm",
      "steps": 0,
    },
  ],
}
`;

const problem = (pointer: string | null, fields: Partial<Problem> = {}): Problem => ({ text: 'Wrong.', file: null, line: null, pointer, severity: 'error', edits: [], ...fields });

/** What stands in the text at a range. */
function at(range: Range): string {
  const lines = text.split('\n');
  assert.equal(range.start.line, range.end.line);
  return lines[range.start.line]!.slice(range.start.character, range.end.character);
}

describe('config', () => {
  it('allows comments and trailing commas, and places what is wrong with the JSON', () => {
    assert.deepEqual(parseConfig(text).problems, []);
    const [fault] = diagnoseConfig('{\n  "name": "x"\n  "seed": 1\n}', [problem('/name')]);
    assert.equal(fault?.text, 'A comma is expected here.');
    assert.equal(fault.range.start.line, 2);
    for (const broken of ['', '[]', '7', '{', '{"a":', 'hello', '{"a": "x']) assert.notEqual(diagnoseConfig(broken, []).length, 0, broken);
  });

  it('finds the place of every pointer', () => {
    const places: readonly (readonly [string | null, string])[] = [
      ['/name', '"name": "größer 😀"'],
      ['/phases/1/steps', '"steps": 0'],
      ['/phases/0/epochs', '"epochs": 3'],
      ['/phases/0', '{'],
      ['/phases/7', '"phases"'],
      ['/phases/0/stepz', '{'],
      ['/phases/x', '"phases"'],
      ['/data/a~1b', '"a/b": 1'],
      ['/data/c~0d', '"c~d": 2'],
      ['/data/validation', '"data"'],
      ['/data', '"data": { "train": "a.jsonl",'],
      ['/name/deeper', '"name"'],
      ['/teacher', '{'],
      ['', '{'],
      [null, '{'],
    ];
    for (const [pointer, expected] of places) {
      const [placed] = diagnoseConfig(text, [problem(pointer)]);
      assert.equal(at(placed!.range), expected, String(pointer));
    }
  });

  it('keeps the data file and line that a problem lies in', () => {
    const [placed] = diagnoseConfig(text, [problem('/data/train', { file: '/w/a.jsonl', line: 37, severity: 'warning' })]);
    assert.deepEqual([placed?.file, placed?.line, placed?.severity], ['/w/a.jsonl', 37, 'warning']);
    const [inConfig] = diagnoseConfig(text, [problem('/name', { file: '/w/x.minillm.jsonc' })]);
    assert.equal(inConfig?.file, undefined);
  });

  it('counts lines as editors do', () => {
    const lines = new Lines('a\r\nb\rc\n\nd');
    const places = [0, 3, 5, 7, 8, 99].map((offset) => lines.at(offset));
    assert.deepEqual(places.map(({ line, character }) => [line, character]), [[0, 0], [1, 0], [2, 0], [3, 0], [4, 0], [4, 1]]);
  });

  it('outlines the phases for an editor to hang actions on', () => {
    const outline = outlineConfig(text)!;
    assert.equal(outline.name, 'größer 😀');
    assert.equal(at(outline.head), '"name": "größer 😀"');
    assert.deepEqual(outline.phases.map(({ index, method, range }) => [index, method, range.start.line]), [[0, 'sft', 6], [1, 'minillm', 7]]);
    assert.deepEqual(outlineConfig('{"phases": 7}')?.phases, []);
    assert.deepEqual(outlineConfig('{"phases": [7, {}]}')?.phases.map(({ method }) => method), [undefined, undefined]);
    assert.equal(outlineConfig('[]'), undefined);
    assert.equal(outlineConfig(''), undefined);
  });

  it('starts people off with a config that its own schema accepts', () => {
    const schema = JSON.parse(readFileSync(path.join(repo, 'schemas', 'config.schema.json'), 'utf8')) as object;
    const validate = new Ajv({ strict: false }).compile(schema);
    const made = newConfigText('my "first" run');
    assert.ok(validate(parse(made, [], { allowTrailingComma: true })), JSON.stringify(validate.errors));
    assert.equal(outlineConfig(made)?.name, 'my "first" run');
    assert.deepEqual(outlineConfig(made)?.phases.map(({ method }) => method), ['sft', 'minillm']);
  });

  it('starts people off with the config that the README shows', () => {
    const readme = readFileSync(path.join(repo, 'README.md'), 'utf8');
    const [, block] = /```jsonc\n(.*?)\n *```/s.exec(readme) ?? [];
    assert.equal(`${block?.replace(/^ {3}/gm, '')}\n`, newConfigText('my-student'));
  });
});
