import type { EditorContext } from '../context';
import type { RunRegistry } from '../runs/registry';
import { InlineAnnotations } from './annotations';
import { SampleBook } from './book';
import { PromptDocuments } from './documents';
import { InlineLenses } from './lenses';
import { NewPrompts } from './newPrompts';
import { InlineStatusBar, registerChooseInlineSamples } from './statusBar';

/** Answers of the student beside the prompts, in the file that the prompts are written in. */
export function registerInlineSamples(context: EditorContext, runs: RunRegistry): void {
  const book = context.register(new SampleBook(runs, context.extension.workspaceState, (text) => context.log.warn(text)));
  const documents = new PromptDocuments(runs, book);
  context.register(new InlineLenses(book, documents));
  context.register(new InlineAnnotations(context, book, documents, context.register(new NewPrompts(runs, book))));
  context.register(new InlineStatusBar(runs, book, documents));
  registerChooseInlineSamples(context, runs, book);
}
