import * as vscode from 'vscode';
import type { Sample } from '../../contract/generated';
import { sampledCheckpoints, readSamples } from '../../rundir/samples';
import { keptCheckpoints } from '../../samples/branch';
import { Disposable } from '../disposable';
import type { RunRegistry } from '../runs/registry';

const CHOICE = 'minillm.inlineSamples.choice';
/** Sides kept in memory. */
const KEPT = 128;

/** Samples of one side: prompt id → its greedy response. */
export type Side = ReadonlyMap<string, Sample>;

const greedyOnly = (samples: readonly Sample[]): Side =>
  new Map(samples.filter(({ draw }) => draw === 0).map((sample) => [sample.promptId, sample]));

/** What is shown beside prompts: a run, and one of its checkpoints or whichever is the newest. Null: the newest run that has samples. */
export interface Choice {
  readonly dir: string | null;
  readonly checkpoint: string | null;
}

/** What the choice comes to at this moment. */
export interface Shown {
  readonly dir: string;
  /** Checkpoints with samples that led to the newest, by step. */
  readonly checkpoints: readonly string[];
  readonly checkpoint: string;
  /** The one before; undefined for the first. */
  readonly before: string | undefined;
  readonly samples: Side;
  readonly samplesBefore: Side;
}

/**
 * The samples that are shown inline, of the run and checkpoint chosen for the workspace. Follows a live run: tells once when a checkpoint
 * with samples has come, and then everything that is to be shown is there already.
 */
export class SampleBook extends Disposable {
  private readonly changed = this.register(new vscode.EventEmitter<void>());
  private readonly sides = new Map<string, Promise<Side>>();
  private looking: Promise<void> | undefined;
  private again = false;
  private key = '';
  shown: Shown | undefined;

  readonly onDidChange = this.changed.event;

  constructor(private readonly runs: RunRegistry, private readonly memory: vscode.Memento, private readonly warn: (text: string) => void) {
    super();
    this.register(runs.onDidChange(() => this.look()));
    this.look();
  }

  get choice(): Choice {
    const kept = this.memory.get<Partial<Choice>>(CHOICE);
    return { dir: kept?.dir ?? null, checkpoint: kept?.checkpoint ?? null };
  }

  async choose(choice: Choice): Promise<void> {
    await this.memory.update(CHOICE, choice);
    this.look();
    while (this.looking) await this.looking; // one that had begun before is followed by another
  }

  /** The samples of a side of the run that is shown. */
  side(dir: string, checkpoint: string): Promise<Side> {
    const key = `${dir}\n${checkpoint}`;
    // The teacher answers prompts that are added later, too.
    const known = checkpoint === 'teacher' ? undefined : this.sides.get(key);
    if (known) return known;
    const read = readSamples(dir, checkpoint).then(greedyOnly);
    this.sides.set(key, read);
    read.catch(() => this.sides.delete(key));
    const [oldest] = this.sides.keys();
    if (this.sides.size > KEPT && oldest !== undefined) this.sides.delete(oldest);
    return read;
  }

  private look(): void {
    if (this.looking) {
      this.again = true;
      return;
    }
    this.looking = this.update()
      .catch((error: unknown) => this.warn(`Samples beside prompts: ${String(error)}`))
      .finally(() => {
        this.looking = undefined;
        if (!this.again || this.disposed) return;
        this.again = false;
        this.look();
      });
  }

  private async update(): Promise<void> {
    const { dir, checkpoint } = this.choice;
    const candidates = dir !== null && this.runs.get(dir) ? [dir] : this.runs.runs.map((run) => run.summary.dir);
    for (const candidate of candidates) {
      const checkpoints = keptCheckpoints(await sampledCheckpoints(candidate).catch(() => []));
      const at = checkpoint === null ? -1 : checkpoints.indexOf(checkpoint);
      const place = at < 0 ? checkpoints.length - 1 : at;
      const name = checkpoints[place];
      if (name !== undefined) {
        await this.show(candidate, checkpoints, name, checkpoints[place - 1]);
        return;
      }
    }
    this.tell(undefined, '');
  }

  private async show(dir: string, checkpoints: readonly string[], checkpoint: string, before: string | undefined): Promise<void> {
    const key = [dir, ...checkpoints, checkpoint].join('\n');
    if (key === this.key) return;
    const samples = await this.side(dir, checkpoint);
    const samplesBefore = before === undefined ? new Map<string, Sample>() : await this.side(dir, before);
    this.tell({ dir, checkpoints, checkpoint, before, samples, samplesBefore }, key);
  }

  private tell(shown: Shown | undefined, key: string): void {
    if (this.disposed || key === this.key) return;
    this.key = key;
    this.shown = shown;
    this.changed.fire();
  }
}
