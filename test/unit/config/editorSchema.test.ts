import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { Ajv } from 'ajv';
import { repo } from '../../harness/paths';

const schema = (...parts: string[]): object => JSON.parse(readFileSync(path.join(repo, 'schemas', ...parts), 'utf8')) as object;
const strict = schema('config.schema.json');
const editor = schema('editor', 'config.schema.json');

/** All values under these keys, wherever they are. */
function found(node: unknown, key: string): string[] {
  if (node === null || typeof node !== 'object') return [];
  return Object.entries(node).flatMap(([name, value]) => [...(name === key ? [JSON.stringify(value)] : []), ...found(value, key)]);
}

describe('the schema that the editor completes configs by', () => {
  it('leaves it to the trainer\'s check to find fault', () => {
    const [judge, offer] = [strict, editor].map((one) => new Ajv({ strict: false }).compile(one));
    const good = { name: 'x', teacher: { model: 't' }, student: { model: 's' }, data: { train: 'a.jsonl' }, phases: [{ method: 'minillm', steps: 2 }] };
    assert.ok(judge!(good) && offer!(good));
    for (const wrong of [
      { ...good, colour: 'red' }, { ...good, preset: 'best' }, { ...good, name: 7 }, { ...good, seed: -1 }, { ...good, phases: [{ method: 'none' }] },
      { ...good, phases: [{ method: 'minillm', steps: 0 }] }, { ...good, phases: [{ method: 'minillm', stepps: 2 }] }, { ...good, data: {} }, {},
    ]) {
      assert.ok(!judge!(wrong), JSON.stringify(wrong));
      assert.ok(offer!(wrong), JSON.stringify([wrong, offer!.errors]));
    }
  });

  it('explains and offers all that the strict one does', () => {
    for (const key of ['description', 'markdownDescription', 'enum', 'default', 'const']) {
      assert.deepEqual(new Set(found(editor, key)), new Set(found(strict, key)), key);
    }
  });
});
