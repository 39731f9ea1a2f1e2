import { RunDir } from '../../rundir/layout';
import { readSide, REFERENCE } from '../../rundir/sides';
import { renderSamples } from '../../samples/document';
import { parseSamplesUri } from './address';
import type { DocumentKind } from './fileSystem';

/** The document of one side: all prompts, or one. */
export const samplesDocument: DocumentKind = (uri) => {
  const address = parseSamplesUri(uri);
  if (!address) return undefined;
  const { dir, checkpoint, promptId } = address;
  const at = new RunDir(dir);
  return {
    // The references are those of the newest checkpoint.
    file: checkpoint === REFERENCE.name ? at.samples : at.samplesOf(checkpoint),
    async render() {
      const samples = await readSide(dir, checkpoint);
      const wanted = promptId === undefined ? samples : samples.filter((sample) => sample.promptId === promptId);
      return promptId !== undefined && wanted.length === 0 ? undefined : renderSamples(wanted);
    },
  };
};
