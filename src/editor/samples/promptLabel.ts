import { readSide } from '../../rundir/sides';
import { namePrompts } from '../../samples/promptName';
import type { SamplesAddress } from './address';

/** What a tab calls one prompt of a side; undefined where all are meant. What cannot be read is told by the tab's own text. */
export async function promptLabel(address: SamplesAddress & { readonly promptId: string }): Promise<string>;
export async function promptLabel(address: SamplesAddress): Promise<string | undefined>;
export async function promptLabel({ dir, checkpoint, promptId }: SamplesAddress): Promise<string | undefined> {
  if (promptId === undefined) return undefined;
  return namePrompts(await readSide(dir, checkpoint).catch(() => []))(promptId).label;
}
