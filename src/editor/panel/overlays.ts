/* The runs that are laid over the charts of another, followed as long as its page is there. */
import path from 'node:path';
import { whatDiffers } from '../../present/comparable';
import { tellApart } from '../../present/runNames';
import { MOST_OVERLAYS } from '../../protocol/runPanel';
import { DiskTurns } from '../../rundir/diskTurns';
import { RunFollower } from '../../rundir/follow';
import type { RunSummary } from '../../rundir/runs';
import { forkOffset } from '../../samples/forkOffset';
import { Disposable } from '../disposable';
import type { OverlaySource } from './feed';

export class RunOverlays extends Disposable {
  /** By folder, in the order of their colours. */
  private followers = new Map<string, RunFollower>();
  private interval = 0;
  private readonly turns = new DiskTurns();

  constructor(private readonly own: string, private readonly changed: () => void) {
    super();
  }

  override dispose(): void {
    for (const follower of this.followers.values()) follower.dispose();
    this.followers.clear();
    super.dispose();
  }

  get dirs(): readonly string[] {
    return [...this.followers.keys()];
  }

  /** These and no others. A run is never laid over itself, nor twice: lines go by the ids of runs. */
  show(dirs: readonly string[]): void {
    if (this.disposed) return;
    const byId = new Map(dirs.map((dir) => [path.basename(dir), dir]));
    byId.delete(path.basename(this.own));
    const before = this.followers;
    this.followers = new Map([...byId.values()].slice(0, MOST_OVERLAYS).map((dir) => [dir, before.get(dir) ?? this.follow(dir)]));
    for (const [dir, follower] of before) if (!this.followers.has(dir)) follower.dispose();
    this.changed();
  }

  /** Milliseconds between looks at each. A run that has ended is looked at once, and may have been resumed since. */
  look(interval: number): void {
    this.interval = interval;
    for (const follower of this.followers.values()) {
      follower.setInterval(interval);
      follower.start();
    }
  }

  /**
   * As the charts want them, set against the page's own run. One that has not been read has its place, too: others keep their colours when
   * it answers, and it can be taken away while it does not.
   */
  sources(own: RunSummary | undefined): OverlaySource[] {
    const all = [...this.followers].map(([dir, { summary, history }]) => ({ id: path.basename(dir), summary, history }));
    const named = all.map(({ id, summary }) => ({ id, name: summary?.name ?? id }));
    const names = tellApart([...(own ? [own] : []), ...named]).slice(own ? 1 : 0);
    return all.map(({ id, summary, history }, i) => {
      const offset = own?.run && summary?.run ? forkOffset(own.run, summary.run) : 0;
      const differs = own && summary ? whatDiffers(own.run, summary.run) : [];
      return { id, name: names[i] ?? id, state: summary?.state ?? 'unknown', problem: problemOf(summary), differs, offset, history };
    });
  }

  private follow(dir: string): RunFollower {
    const follower = new RunFollower(dir, this.interval, (read) => this.turns.ask(dir, path.dirname(dir), read));
    follower.onDidChange(this.changed);
    follower.start();
    return follower;
  }
}

function problemOf(summary: RunSummary | undefined): string | null {
  if (summary === undefined) return 'It has not been read yet.';
  return summary.gone ? 'Its folder is gone.' : (summary.problem ?? null);
}
