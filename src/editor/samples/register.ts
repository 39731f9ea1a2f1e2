import type { EditorContext } from '../context';
import type { RunRegistry } from '../runs/registry';
import { registerTokenLens } from '../tokenLens/register';
import { registerCompareSamples } from './compare';
import { SamplesFileSystem } from './fileSystem';
import { NumbersBeside } from './numbersBeside';
import { samplesDocuments } from './samplesDocument';
import { KnownSides } from './sides';

export function registerSamples(context: EditorContext, runs: RunRegistry, selection: () => readonly unknown[]): void {
  const sides = new KnownSides();
  const tokens = registerTokenLens(context, runs, sides);
  context.register(new SamplesFileSystem([samplesDocuments(sides), ...tokens]));
  context.register(new NumbersBeside(sides, (text) => context.log.warn(text)));
  registerCompareSamples(context, runs, selection);
}
