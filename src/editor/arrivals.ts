/** Panels of runs that are on their way: what takes time between the wish and the panel must not bring forth two of one run. */
export class Arrivals {
  private readonly coming = new Map<string, Promise<void>>();

  has(dir: string): boolean {
    return this.coming.has(dir);
  }

  /** Resolves when no panel of this run is on its way. Whoever goes on at once finds it so. */
  async settled(dir: string): Promise<void> {
    while (this.coming.has(dir)) await this.coming.get(dir);
  }

  /** Does what brings a run's panel; from now until it is done, the run has one on its way. */
  async bring(dir: string, work: () => Promise<void>): Promise<void> {
    const done = work().finally(() => this.coming.delete(dir));
    // Those who wait want to know when, not how it went.
    this.coming.set(dir, done.catch(() => undefined));
    await done;
  }
}
