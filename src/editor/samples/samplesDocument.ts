import { renderSamples } from '../../samples/document';
import { parseSamplesUri } from './address';
import type { DocumentKind } from './fileSystem';
import type { KnownSides } from './sides';

/** The documents of one side: all prompts, or one. */
export const samplesDocuments = (sides: KnownSides): DocumentKind => (uri) => {
  const address = parseSamplesUri(uri);
  if (!address) return undefined;
  return {
    file: sides.fileOf(address),
    async render() {
      const samples = await sides.samplesAt(address);
      return samples.length === 0 && address.promptId !== undefined ? undefined : renderSamples(samples);
    },
  };
};
