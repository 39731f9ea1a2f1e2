import { Patience } from './patience';

/** What a folder holds. */
export interface Listing {
  /** The runs to look at. The first one stands for their disk. */
  readonly dirs: readonly string[];
  /** Other runs than before. */
  readonly changed: boolean;
}

/**
 * Goes round folders of runs of which one may never answer. A disk that is gone keeps each call that reaches for it, and a process
 * has four threads for all of them. So a folder that owes an answer is asked for nothing more; and of one that has given it, a
 * single run is looked at first, and the others once that has answered, too.
 */
export class Rounds {
  private readonly rounds: Patience<boolean>;
  private readonly looks: Patience<boolean>;

  /**
   * Nobody is waited for longer than `milliseconds`. `look`: true when something is different about a run. `onLate`: there may be
   * news that nobody waited for any more.
   */
  constructor(
    milliseconds: number,
    private readonly list: (folder: string) => Promise<Listing>,
    private readonly look: (dir: string) => Promise<boolean>,
    onLate: () => void,
  ) {
    this.rounds = new Patience(milliseconds, onLate);
    this.looks = new Patience(milliseconds, onLate);
  }

  /** Looks at the runs of a folder. True when something is different there; false as well while it owes an answer. */
  async go(folder: string): Promise<boolean> {
    return (await this.rounds.ask(folder, () => this.round(folder))) ?? false;
  }

  private async round(folder: string): Promise<boolean> {
    const { dirs: [first, ...others], changed } = await this.list(folder);
    if (first === undefined) return changed;
    const news = await this.look(first);
    const more = await Promise.all(others.map((dir) => this.looks.ask(dir, () => this.look(dir))));
    return changed || news || more.includes(true);
  }
}
