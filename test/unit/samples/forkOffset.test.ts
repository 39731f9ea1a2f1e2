import assert from 'node:assert/strict';
import { forkOffset } from '../../../src/samples/forkOffset';

describe('runs on one axis of steps', () => {
  const run = (id: string, parent?: readonly [run: string, step: number]): Parameters<typeof forkOffset>[0] => ({
    id, parent: parent ? { run: parent[0], checkpoint: `step-${String(parent[1]).padStart(8, '0')}-a1`, path: `/runs/${parent[0]}` } : null,
  });

  it('begin where one left the other', () => {
    const root = run('root');
    const early = run('early', ['root', 100]);
    const late = run('late', ['root', 250]);
    assert.equal(forkOffset(root, late), 250);
    assert.equal(forkOffset(late, root), -250);
    assert.equal(forkOffset(early, late), 150, 'forks of the same run');
    assert.equal(forkOffset(late, early), -150);
  });

  it('begin together where neither comes from the other', () => {
    assert.equal(forkOffset(run('a'), run('b')), 0);
    assert.equal(forkOffset(run('a', ['x', 100]), run('b', ['y', 300])), 0);
    assert.equal(forkOffset({ id: 'old' }, run('b', ['y', 300])), 0);
    assert.equal(forkOffset({ id: 'old' }, { id: 'older' }), 0);
  });
});
