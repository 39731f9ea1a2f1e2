import assert from 'node:assert/strict';
import { getNodeValue } from 'jsonc-parser';
import { forkText, nextName } from '../../../src/config/forkText';
import { parseConfig } from '../../../src/config/parseConfig';

const CONFIG = `{
  "name": "words",
  // What is done.
  "phases": [
    // First this …
    { "method": "sft", "epochs": 1 },
    // … then that.
    { "method": "minillm", "steps": 100 }
  ],
}
`;

describe('the config of a fork', () => {
  it('has another name and the phases to come, and keeps what was written around them', () => {
    const text = forkText(CONFIG, { name: 'words-fork', phasesDone: 1, notes: ['From step 20.'] });
    assert.match(text, /^\/\/ From step 20\.\n\{\n {2}"name": "words-fork",\n {2}\/\/ What is done\.\n/);
    assert.match(text, /"minillm", "steps": 100/);
    assert.doesNotMatch(text, /sft/);
    assert.deepEqual(parseConfig(text).problems, []);
  });

  it('is whole however its phases stand: on one line, with comments around the comma, or without a last one', () => {
    for (const phases of ['[{"method":"sft"},{"method":"kd"}]', '[\n{"method":"sft"} // one\n , /* two */ {"method":"kd"},\n]', '[ {"method":"sft"}\n,\n{"method":"kd"}]']) {
      const text = forkText(`{"name":"a","phases":${phases}}`, { name: 'b', phasesDone: 1, notes: [] });
      const { root, problems } = parseConfig(text);
      assert.deepEqual(problems, [], text);
      assert.equal(JSON.stringify(root && getNodeValue(root)), '{"name":"b","phases":[{"method":"kd"}]}', text);
    }
  });

  it('keeps its last phase whatever was done, and every phase when none was', () => {
    assert.match(forkText(CONFIG, { name: 'x', phasesDone: 5, notes: [] }), /minillm/);
    assert.match(forkText(CONFIG, { name: 'x', phasesDone: 0, notes: [] }), /sft[^]*minillm/);
  });

  it('lets no line break of a note reach the config, and leaves alone what is no config', () => {
    assert.match(forkText(CONFIG, { name: 'x', phasesDone: 0, notes: ['a\n"evil": 1'] }), /^\/\/ a "evil": 1\n\{/);
    assert.equal(forkText('[', { name: 'x', phasesDone: 1, notes: [] }), '[');
  });

  it('is named after the run, once more each time', () => {
    const taken = new Set<string>();
    for (const wanted of ['a-fork', 'a-fork-2', 'a-fork-3']) {
      const name = nextName('a', (one) => taken.has(one));
      assert.equal(name, wanted);
      taken.add(name);
    }
    assert.equal(nextName('a-fork-3', (one) => taken.has(one)), 'a-fork-4');
  });
});
