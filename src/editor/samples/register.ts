import type { EditorContext } from '../context';
import type { RunRegistry } from '../runs/registry';
import { registerCompareSamples } from './compare';
import { SamplesFileSystem } from './fileSystem';

export function registerSamples(context: EditorContext, runs: RunRegistry): void {
  context.register(new SamplesFileSystem());
  registerCompareSamples(context, runs);
}
