/**
 * Looks at places of which one may never answer: a folder of a machine that has gone hangs whoever reads it. Who looks at all
 * of them waits for none longer than `milliseconds`, and does not ask again where an answer is still to come.
 */
export class Patience<T> {
  private readonly pending = new Set<string>();

  /** `onLate`: an answer came after all, when nobody waited any more. */
  constructor(private readonly milliseconds: number, private readonly onLate: (place: string) => void) {}

  /** Undefined while there is no answer. Rejects when the look does, in time. */
  async ask(place: string, look: () => Promise<T>): Promise<T | undefined> {
    if (this.pending.has(place)) return undefined;
    this.pending.add(place);
    let late = false;
    let timer: NodeJS.Timeout | undefined;
    const answer = look().finally(() => {
      this.pending.delete(place);
      if (late) this.onLate(place);
    });
    answer.catch(() => undefined); // when it fails late, nobody asks why
    const tooLong = new Promise<undefined>((resolve) => {
      timer = setTimeout(() => {
        late = true;
        resolve(undefined);
      }, this.milliseconds);
    });
    try {
      return await Promise.race([answer, tooLong]);
    } finally {
      clearTimeout(timer);
    }
  }
}
