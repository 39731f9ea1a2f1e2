import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { Rounds } from '../../../src/rundir/rounds';

describe('rounds of folders of which one does not answer', () => {
  let asked: string[];
  let late: number;
  /** Places that owe an answer, and how to give it. */
  let hung: Map<string, () => void>;
  let rounds: Rounds;

  beforeEach(() => {
    asked = [];
    late = 0;
    hung = new Map();
    const reach = async (place: string): Promise<void> => {
      asked.push(place);
      if (hung.has(place)) await new Promise<void>((resolve) => hung.set(place, resolve));
    };
    const list = async (folder: string): Promise<{ dirs: string[]; changed: boolean }> => {
      await reach(folder);
      return { dirs: ['1', '2', '3'].map((name) => `${folder}/${name}`), changed: false };
    };
    const look = async (dir: string): Promise<boolean> => {
      await reach(dir);
      return true;
    };
    rounds = new Rounds(30, list, look, () => late++);
  });

  const hang = (place: string): unknown => hung.set(place, () => undefined);
  const answer = async (place: string): Promise<void> => {
    const give = hung.get(place);
    hung.delete(place);
    give?.();
    await sleep(0);
  };
  const goRound = (): Promise<boolean[]> => Promise.all(['dead', 'well'].map((folder) => rounds.go(folder)));
  const askedOf = (folder: string): string[] => asked.splice(0).filter((place) => place.startsWith(folder));

  it('look at no run of a folder that owes its list, and at all of the others', async () => {
    hang('dead');
    assert.deepEqual(await goRound(), [false, true]);
    assert.deepEqual(asked.filter((place) => place.startsWith('dead')), ['dead']);
    assert.deepEqual(askedOf('well'), ['well', 'well/1', 'well/2', 'well/3']);
    await goRound();
    assert.deepEqual(askedOf('dead'), [], 'one call is out, and no second');
    await answer('dead');
    assert.deepEqual(askedOf('dead'), ['dead/1', 'dead/2', 'dead/3']);
    assert.equal(late, 1);
    assert.deepEqual(await goRound(), [true, true]);
  });

  it('look at a single run of a folder whose runs do not answer', async () => {
    hang('dead/1');
    assert.deepEqual(await goRound(), [false, true]);
    assert.deepEqual(askedOf('dead'), ['dead', 'dead/1']);
    await goRound();
    assert.deepEqual(askedOf('dead'), []);
    await answer('dead/1');
    assert.deepEqual(askedOf('dead'), ['dead/2', 'dead/3']);
    assert.equal(late, 1);
  });

  it('wait once for a run that alone does not answer, and look at those around it', async () => {
    hang('dead/2');
    await goRound();
    while (late === 0) await sleep(5); // the round itself ends
    asked = [];
    assert.deepEqual(await goRound(), [true, true]);
    assert.deepEqual(askedOf('dead'), ['dead', 'dead/1', 'dead/3']);
    await answer('dead/2');
    assert.ok(late > 0);
  });
});
