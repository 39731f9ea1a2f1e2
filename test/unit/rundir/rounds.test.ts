import assert from 'node:assert/strict';
import { symlinkSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Listing, Rounds } from '../../../src/rundir/rounds';
import { temporaryFolder } from '../../harness/paths';

describe('rounds of folders of which one does not answer', () => {
  let asked: string[];
  let late: number;
  /** Places that owe an answer, and how to give it. */
  let hung: Map<string, () => void>;
  let rounds: Rounds;
  /** Links in each folder. */
  let links: string[];

  beforeEach(() => {
    asked = [];
    late = 0;
    hung = new Map();
    links = [];
    const reach = async (place: string): Promise<void> => {
      asked.push(place);
      if (hung.has(place)) await new Promise<void>((resolve) => hung.set(place, resolve));
    };
    const list = async (folder: string): Promise<Listing> => {
      await reach(folder);
      return { dirs: ['1', '2', '3'].map((name) => `${folder}/${name}`), links: links.map((name) => `${folder}/${name}`), changed: false };
    };
    const look = async (dir: string): Promise<boolean> => {
      await reach(dir);
      return true;
    };
    rounds = new Rounds(200, list, look, () => late++);
  });

  const hang = (place: string): unknown => hung.set(place, () => undefined);
  const answer = (place: string): void => {
    const give = hung.get(place);
    hung.delete(place);
    give?.();
  };
  const until = async (holds: () => boolean): Promise<void> => {
    while (!holds()) await sleep(5);
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
    answer('dead');
    await until(() => late > 0);
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
    answer('dead/1');
    await until(() => late > 0);
    assert.deepEqual(askedOf('dead'), ['dead/2', 'dead/3']);
    assert.equal(late, 1);
  });

  it('wait once for a run that alone does not answer, and look at those around it', async () => {
    hang('dead/2');
    await goRound();
    await until(() => late > 0); // the round itself ends
    asked = [];
    assert.deepEqual(await goRound(), [true, true]);
    assert.deepEqual(askedOf('dead'), ['dead', 'dead/1', 'dead/3']);
    late = 0;
    answer('dead/2');
    await until(() => late > 0);
  });

  it('ask one folder of a disk that owes an answer', async () => {
    const [one, other] = [temporaryFolder('rounds'), temporaryFolder('rounds')];
    const go = (): Promise<boolean[]> => Promise.all([one, other, 'well'].map((folder) => rounds.go(folder)));
    await go();
    asked = [];
    hang(one);
    assert.deepEqual(await go(), [false, false, true]);
    assert.deepEqual(asked.splice(0), [one, 'well', 'well/1', 'well/2', 'well/3'], 'one call is out, and what lies elsewhere is looked at');
    answer(one);
    await until(() => late > 1);
    assert.deepEqual(askedOf(other), [other, `${other}/1`, `${other}/2`, `${other}/3`]);
  });

  it('wait for two folders that have never answered, and ask a third one after those', async () => {
    for (const folder of ['dead', 'dying']) hang(folder);
    const go = (): Promise<boolean[]> => Promise.all(['dead', 'dying', 'well'].map((folder) => rounds.go(folder)));
    assert.deepEqual(await go(), [false, false, false]);
    assert.deepEqual(asked, ['dead', 'dying']);
    answer('dying');
    await until(() => late > 1);
    assert.deepEqual(await go(), [false, true, true]);
  });

  it('look at one of the runs that are linked from the same place, and at those from elsewhere', async () => {
    const folder = temporaryFolder('linked');
    links = ['4', '5', '6', '7'];
    for (const name of links) symlinkSync(`/nowhere/${name === '7' ? 'well' : 'dead'}/${name}`, path.join(folder, name));
    hang(`${folder}/4`);
    await rounds.go(folder);
    await until(() => late > 0); // the round itself ends
    const names = (): string[] => askedOf(`${folder}/`).map((dir) => path.basename(dir));
    assert.deepEqual(names(), ['1', '2', '3', '4', '7']);
    assert.equal(await rounds.go(folder), true);
    assert.deepEqual(names(), ['1', '2', '3', '7'], 'one call is out, and no second');
    answer(`${folder}/4`);
    await until(() => asked.length > 1);
    assert.deepEqual(names(), ['5', '6']);
  });
});
