import { stat } from 'node:fs/promises';
import type { Sample } from '../../contract/generated';
import { RunDir } from '../../rundir/layout';
import { readSide, REFERENCE } from '../../rundir/sides';
import { renderSamples } from '../../samples/document';
import { groupByPrompt } from '../../samples/group';
import { parseSamplesUri } from './address';
import type { DocumentKind } from './fileSystem';

interface KnownSide {
  readonly modified: number;
  readonly prompts: Promise<ReadonlyMap<string, readonly Sample[]>>;
}

/** Sides kept: a set of five hundred diffs asks a thousand times for one of the same two. */
const KEPT = 4;

/** The documents of one side: all prompts, or one. */
export function samplesDocuments(): DocumentKind {
  const sides = new Map<string, KnownSide>();

  async function promptsOf(dir: string, side: string, file: string): Promise<ReadonlyMap<string, readonly Sample[]>> {
    const key = `${dir}\n${side}`;
    const modified = (await stat(file)).mtimeMs;
    const known = sides.get(key);
    if (known?.modified === modified) return known.prompts;
    const prompts = readSide(dir, side).then(groupByPrompt);
    prompts.catch(() => sides.delete(key));
    sides.delete(key);
    sides.set(key, { modified, prompts });
    const [oldest] = sides.keys();
    if (sides.size > KEPT && oldest !== undefined) sides.delete(oldest);
    return prompts;
  }

  return (uri) => {
    const address = parseSamplesUri(uri);
    if (!address) return undefined;
    const { dir, checkpoint, promptId } = address;
    const at = new RunDir(dir);
    // The references are those of the newest checkpoint.
    const file = checkpoint === REFERENCE.name ? at.samples : at.samplesOf(checkpoint);
    return {
      file,
      async render() {
        const prompts = await promptsOf(dir, checkpoint, file);
        if (promptId === undefined) return renderSamples([...prompts.values()].flat());
        const own = prompts.get(promptId);
        return own && renderSamples(own);
      },
    };
  };
}
