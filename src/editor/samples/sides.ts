import { stat } from 'node:fs/promises';
import type { Sample } from '../../contract/generated';
import { RunDir } from '../../rundir/layout';
import { readSide, REFERENCE } from '../../rundir/sides';
import { groupByPrompt } from '../../samples/group';
import type { SamplesAddress } from './address';

type Prompts = ReadonlyMap<string, readonly Sample[]>;

interface KnownSide {
  readonly modified: number;
  readonly prompts: Promise<Prompts>;
}

/** Sides kept: a set of five hundred diffs asks a thousand times for one of the same two. */
const KEPT = 4;

/** The samples of sides that documents show, read once as long as their files stay as they are. */
export class KnownSides {
  private readonly sides = new Map<string, KnownSide>();

  /** The file that they come from. */
  fileOf({ dir, checkpoint }: SamplesAddress): string {
    const at = new RunDir(dir);
    // The references are those of the newest checkpoint.
    return checkpoint === REFERENCE.name ? at.samples : at.samplesOf(checkpoint);
  }

  /** Those at an address, in the order of their document; none where its prompt is not there. */
  async samplesAt(address: SamplesAddress): Promise<readonly Sample[]> {
    const prompts = await this.promptsOf(address);
    return address.promptId === undefined ? [...prompts.values()].flat() : (prompts.get(address.promptId) ?? []);
  }

  private async promptsOf(address: SamplesAddress): Promise<Prompts> {
    const { dir, checkpoint } = address;
    const { sides } = this;
    const key = `${dir}\n${checkpoint}`;
    const modified = (await stat(this.fileOf(address))).mtimeMs;
    const known = sides.get(key);
    if (known?.modified === modified) return known.prompts;
    const prompts = readSide(dir, checkpoint).then(groupByPrompt);
    prompts.catch(() => sides.delete(key));
    sides.delete(key);
    sides.set(key, { modified, prompts });
    const [oldest] = sides.keys();
    if (sides.size > KEPT && oldest !== undefined) sides.delete(oldest);
    return prompts;
  }
}
