import { stat } from 'node:fs/promises';

/** Places that have never answered, of which an answer may be owed at the same time: half of the threads that a process has. */
const STRANGERS = 2;

/**
 * Has the places of one disk asked one after the other: a disk that is gone keeps each call that reaches for it, and a process has four
 * threads for files. Which disk a place lies on is known since it answered last. Where it never has, places that lie `near` each
 * other are taken to be on one, and no more than two such disks are waited for.
 */
export class DiskTurns {
  /** Numbers of the devices that places lie on. */
  private readonly devices = new Map<string, number>();
  /** What is asked now, by device, or by what strangers lie near. */
  private readonly owed = new Map<number | string, Promise<void>>();

  /** The answer of `look` once it is this place's turn, which may be never. */
  async ask<T>(place: string, near: string, look: () => Promise<T>): Promise<T> {
    const disk = this.devices.get(place) ?? near;
    for (let ahead = this.ahead(disk); ahead !== undefined; ahead = this.ahead(disk)) await ahead;
    const answer = this.answer(place, look);
    this.owed.set(disk, answer.then(() => undefined, () => undefined).finally(() => this.owed.delete(disk)));
    return answer;
  }

  /** What has to be answered before a place on this disk may be asked. */
  private ahead(disk: number | string): Promise<void> | undefined {
    const own = this.owed.get(disk);
    if (own !== undefined || typeof disk === 'number') return own;
    const strangers = [...this.owed].flatMap(([other, owed]) => (typeof other === 'string' ? [owed] : []));
    return strangers.length < STRANGERS ? undefined : Promise.race(strangers);
  }

  private async answer<T>(place: string, look: () => Promise<T>): Promise<T> {
    const value = await look();
    const device = await stat(place).then(({ dev }) => dev, () => undefined);
    if (device !== undefined) this.devices.set(place, device);
    return value;
  }
}
