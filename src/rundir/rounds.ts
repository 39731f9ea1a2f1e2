import { readlink } from 'node:fs/promises';
import path from 'node:path';
import { DiskTurns } from './diskTurns';
import { Patience } from './patience';

/** What a folder holds. */
export interface Listing {
  /** The runs in it to look at. The first one stands for their disk. */
  readonly dirs: readonly string[];
  /** Links to runs that lie elsewhere, each on a disk that may be another one. */
  readonly links: readonly string[];
  /** Other runs than before. */
  readonly changed: boolean;
}

/**
 * Goes round folders of runs of which one may never answer. A disk that is gone keeps each call that reaches for it, and a process
 * has four threads for all of them. So a folder that owes an answer is asked for nothing more, and neither is another one on its disk;
 * of one that has given it, a single run is looked at first, and the others once that has answered, too. Runs that lie elsewhere
 * take turns, each disk's on their own.
 */
export class Rounds {
  private readonly rounds: Patience<boolean>;
  private readonly looks: Patience<boolean>;
  private readonly turns = new DiskTurns();

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
    const { others, linked, news } = await this.turns.ask(folder, folder, async () => {
      const { dirs: [first, ...rest], links, changed } = await this.list(folder);
      const firstNews = first !== undefined && (await this.look(first));
      const elsewhere: { readonly dir: string; readonly near: string }[] = [];
      for (const dir of links) elsewhere.push({ dir, near: await folderOf(dir) });
      return { others: rest, linked: elsewhere, news: firstNews || changed };
    });
    const more = await Promise.all([
      ...others.map((dir) => this.looks.ask(dir, () => this.look(dir))),
      ...linked.map(({ dir, near }) => this.looks.ask(dir, () => this.turns.ask(dir, near, () => this.look(dir)))),
    ]);
    return news || more.includes(true);
  }
}

/** Where the folder lies that a link leads to. What the link says is read; nothing is asked there. */
async function folderOf(link: string): Promise<string> {
  const target = await readlink(link).catch(() => link);
  return path.dirname(path.resolve(path.dirname(link), target));
}
