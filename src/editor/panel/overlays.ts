/* The runs that are laid over the charts of another, followed as long as somebody looks. */
import path from 'node:path';
import { whatDiffers } from '../../present/comparable';
import { tellApart } from '../../present/runNames';
import { showControlCharacters } from '../../present/text';
import { MOST_OVERLAYS } from '../../protocol/runPanel';
import { RunFollower } from '../../rundir/follow';
import type { RunSummary } from '../../rundir/runs';
import { forkOffset } from '../../telemetry/forkOffset';
import { Disposable } from '../disposable';
import type { OverlaySource } from './feed';

export class RunOverlays extends Disposable {
  /** By folder, in the order of their colours. */
  private followers = new Map<string, RunFollower>();
  private interval = 0;

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

  /** Those that have been read, as the charts want them, set against the page's own run. */
  sources(own: RunSummary | undefined): OverlaySource[] {
    const read = [...this.followers.values()].flatMap(({ summary, history }) => (summary ? [{ summary, history }] : []));
    const names = tellApart([...(own ? [own] : []), ...read.map(({ summary }) => summary)]).slice(own ? 1 : 0);
    return read.map(({ summary, history }, i) => {
      const problem = summary.gone ? 'Its folder is gone.' : (summary.problem ?? null);
      const offset = own?.run && summary.run ? forkOffset(own.run, summary.run) : 0;
      const differs = own?.run && summary.run ? whatDiffers(own.run, summary.run) : [];
      return { id: summary.id, name: showControlCharacters(names[i] ?? ''), state: summary.state, problem, differs, offset, history };
    });
  }

  private follow(dir: string): RunFollower {
    const follower = new RunFollower(dir, this.interval);
    follower.onDidChange(this.changed);
    follower.start();
    return follower;
  }
}
