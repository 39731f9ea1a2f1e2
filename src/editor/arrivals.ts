/** Panels of runs that are on their way: what takes time between the wish and the panel must not bring forth two of one run. */
export class Arrivals {
  private readonly coming = new Map<string, Promise<void>>();

  has(dir: string): boolean {
    return this.coming.has(dir);
  }

  /** Waits for the panel of this run that is on its way; brings one unless it is found to be there. */
  async bringUnless(isThere: () => boolean, dir: string, work: () => Promise<void>): Promise<void> {
    while (this.coming.has(dir)) await this.coming.get(dir);
    // Nothing is awaited between this look and the reservation: another who waited would come between.
    if (!isThere()) await this.bring(dir, work);
  }

  /** Does what brings a run's panel; from now until it is done, the run has one on its way. */
  async bring(dir: string, work: () => Promise<void>): Promise<void> {
    const done = work().finally(() => this.coming.delete(dir));
    // Those who wait want to know when, not how it went.
    this.coming.set(dir, done.catch(() => undefined));
    await done;
  }
}
