import assert from 'node:assert/strict';
import { isCheckpointName, isRunId, newRunId } from '../../../src/rundir/layout';

describe('names in a runs folder', () => {
  const date = new Date(2026, 0, 2, 3, 4, 5);

  it('makes ids that sort by age and pass their own check', () => {
    assert.equal(newRunId('GPT-2 → Dolly, größer!', date), '20260102-030405-gpt-2-dolly-gro-er');
    for (const name of ['x', '', '…', '../../etc/passwd', 'a'.repeat(200), '-dash-', '日本語', 'A B', 'con']) {
      const id = newRunId(name, date);
      assert.ok(isRunId(id), `${JSON.stringify(name)} → ${id}`);
      assert.ok(isRunId(`${id}-2`));
    }
    assert.ok(newRunId('b', date) < newRunId('a', new Date(2026, 0, 2, 3, 4, 6)));
  });

  it('takes nothing for an id or a checkpoint that could lead out of its folder', () => {
    for (const text of ['', '.', '..', '20260102-030405-', '20260102-030405-a/b', '20260102-030405-..', '../20260102-030405-a', '20260102-030405-a\n', '20260102-030405-A']) {
      assert.equal(isRunId(text), false, JSON.stringify(text));
    }
    for (const text of ['step-00000200-a1', 'step-00000000-a12', 'teacher']) assert.ok(isCheckpointName(text), text);
    for (const text of ['', '..', 'step-200-a1', 'step-00000200-a1/..', 'step-00000200-a1.jsonl', 'Teacher', 'teacher\n', 'reference']) {
      assert.equal(isCheckpointName(text), false, JSON.stringify(text));
    }
  });
});
