import type { EditorContext } from '../context';
import type { RunRegistry } from '../runs/registry';
import type { DocumentKind } from '../samples/fileSystem';
import type { KnownSides } from '../samples/sides';
import { registerTokenCommands } from './commands';
import { tokenDocument, tokenTable } from './documents';
import { TokenLens } from './lens';
import { ResponseCodeLens } from './responseLens';

/** The token lens; returns the kinds of documents that it adds to the read-only file system. */
export function registerTokenLens(context: EditorContext, runs: RunRegistry, sides: KnownSides): readonly DocumentKind[] {
  const lens = context.register(new TokenLens((text) => context.log.warn(text)));
  context.register(new ResponseCodeLens(sides));
  registerTokenCommands(context, runs, lens);
  return [tokenDocument, tokenTable];
}
