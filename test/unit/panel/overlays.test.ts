import assert from 'node:assert/strict';
import { cpSync, rmSync } from 'node:fs';
import path from 'node:path';
import { mock } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { RunOverlays } from '../../../src/editor/panel/overlays';
import { RunFollower } from '../../../src/rundir/follow';
import { until } from '../../harness/page';
import { repo, temporaryFolder } from '../../harness/paths';

const refresh = Reflect.get<RunFollower, 'refresh'>(RunFollower.prototype, 'refresh');
const RECORDED = path.join(repo, 'test', 'fixtures', 'runs', '20261124-232620-pronounce');

describe('runs that are laid over another', () => {
  let overlays: RunOverlays;

  beforeEach(() => {
    overlays = new RunOverlays('/none/20261124-000000-own', () => undefined);
  });

  afterEach(() => {
    overlays.dispose();
    mock.restoreAll();
  });

  it('take one thread of a disk that does not answer, and none of another disk', async () => {
    const asked: string[] = [];
    mock.method(RunFollower.prototype, 'refresh', function hang(this: RunFollower): Promise<never> {
      asked.push(this.dir);
      return new Promise(() => undefined);
    });
    const dirs = ['a', 'b', 'c'].map((name) => `/dead/20261124-000001-${name}`);
    overlays.show([...dirs, '/other/20261124-000001-d']);
    overlays.look(10);
    await sleep(100);
    assert.deepEqual(asked, [dirs[0], '/other/20261124-000001-d']);
    overlays.show(dirs.slice(1));
    await sleep(50);
    assert.equal(asked.length, 2, 'the call of one that was taken away is kept still');
  });

  it('have their places before they have been read, so that none changes its colour when another answers', async () => {
    const folder = temporaryFolder('overlays');
    const dirs = ['20261124-000001-late', path.basename(RECORDED)].map((id) => path.join(folder, id));
    for (const dir of dirs) cpSync(RECORDED, dir, { recursive: true });
    let answer = (): void => undefined;
    const answered = new Promise<void>((resolve) => (answer = resolve));
    mock.method(RunFollower.prototype, 'refresh', async function wait(this: RunFollower) {
      if (this.dir === dirs[0]) await answered;
      return refresh.call(this);
    });
    overlays.show(dirs);
    overlays.look(10);
    const told = (): unknown[] => overlays.sources(undefined).map(({ id, name, state, problem }) => [id, name, state, problem]);
    const unread = (dir: string): unknown[] => [path.basename(dir), path.basename(dir), 'unknown', 'It has not been read yet.'];
    assert.deepEqual(told(), dirs.map(unread));
    answer();
    await until('both', () => Promise.resolve(overlays.sources(undefined).every(({ history }) => history.end !== undefined)));
    assert.deepEqual(told(), [
      ['20261124-000001-late', 'pronounce 20261124-000001', 'finished', null],
      ['20261124-232620-pronounce', 'pronounce 20261124-232620', 'finished', null],
    ]);
    rmSync(dirs[0]!, { recursive: true });
    overlays.look(10);
    await until('word of it', () => Promise.resolve(overlays.sources(undefined)[0]?.problem === 'Its folder is gone.'));
    assert.ok(overlays.sources(undefined)[0]?.history.end, 'what was read stays');
  });

  it('are never the run itself, nor one twice, and nothing when all is over', () => {
    overlays.show(['/b/20261124-000000-own', '/b/20261124-000001-a', '/c/20261124-000001-a']);
    assert.deepEqual(overlays.dirs, ['/c/20261124-000001-a']);
    overlays.dispose();
    overlays.show(['/b/20261124-000001-a']);
    assert.deepEqual(overlays.dirs, []);
  });
});
