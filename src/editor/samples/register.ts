import type { EditorContext } from '../context';
import type { RunRegistry } from '../runs/registry';
import { registerTokenLens } from '../tokenLens/register';
import { registerCompareSamples } from './compare';
import { SamplesFileSystem } from './fileSystem';
import { samplesDocuments } from './samplesDocument';

export function registerSamples(context: EditorContext, runs: RunRegistry): void {
  const tokens = registerTokenLens(context, runs);
  context.register(new SamplesFileSystem([samplesDocuments(), ...tokens]));
  registerCompareSamples(context, runs);
}
