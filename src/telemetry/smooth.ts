import { Series } from './series';

/**
 * A series' exponential moving average, kept in step with it: each point weighs `strength` times as much as the one
 * after it, and the weights sum to one from the first point on (no pull towards 0 at the start). It is taken over all
 * stored points, so that thinning comes after smoothing. A point that is not finite stays itself and moves nothing.
 * The average begins anew with each phase: two phases optimise different things.
 */
export class Smoothed {
  private smoothed: Series;
  private revision = 0;
  private sum = 0;
  private weight = 0;
  /** The next one to come. */
  private stretch = 0;

  constructor(private readonly source: Series, readonly strength: number) {
    this.smoothed = new Series(source.name);
  }

  /** The average up to the newest point. */
  read(): Series {
    const { source } = this;
    if (source.revision !== this.revision) this.begin();
    for (let i = this.smoothed.steps.length; i < source.steps.length; i++) {
      const step = source.steps[i] ?? 0;
      const value = source.values[i] ?? NaN;
      if (source.stretches[this.stretch]?.start === i) {
        this.stretch++;
        this.sum = 0;
        this.weight = 0;
      }
      if (Number.isFinite(value)) {
        this.sum = this.strength * this.sum + (1 - this.strength) * value;
        this.weight = this.strength * this.weight + (1 - this.strength);
      }
      this.smoothed.append(step, Number.isFinite(value) ? this.sum / this.weight : value);
    }
    return this.smoothed;
  }

  private begin(): void {
    this.smoothed = new Series(this.source.name);
    this.revision = this.source.revision;
    this.sum = 0;
    this.weight = 0;
    this.stretch = 0;
  }
}
