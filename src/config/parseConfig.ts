import { type Node, type ParseError, parseTree, type ParseOptions, printParseErrorCode } from 'jsonc-parser';
import { Lines, type Range } from './positions';

export interface ConfigProblem {
  readonly range: Range;
  /** One sentence. */
  readonly text: string;
  readonly severity: 'error' | 'warning';
  /** The data file, and its line from 1, that the problem lies in when it does not lie in the config itself. */
  readonly file?: string | undefined;
  readonly line?: number | undefined;
}

export interface ParsedConfig {
  /** Undefined when there is nothing that could be read at all. */
  readonly root: Node | undefined;
  readonly lines: Lines;
  /** Faults of the JSON itself, in order. */
  readonly problems: readonly ConfigProblem[];
}

/** Comments and trailing commas are welcome: VS Code's "JSON with Comments". */
const options: ParseOptions = { allowTrailingComma: true, disallowComments: false, allowEmptyContent: false };

const sentences: Readonly<Record<string, string>> = {
  InvalidSymbol: 'This is not JSON: text needs double quotes.',
  InvalidNumberFormat: 'This is not a number.',
  PropertyNameExpected: 'A key in double quotes is expected here.',
  ValueExpected: 'A value is expected here.',
  ColonExpected: 'A colon is expected here.',
  CommaExpected: 'A comma is expected here.',
  CloseBraceExpected: 'A closing brace is missing.',
  CloseBracketExpected: 'A closing bracket is missing.',
  EndOfFileExpected: 'The config ends before this.',
  UnexpectedEndOfComment: 'This comment is never closed.',
  UnexpectedEndOfString: 'This text lacks its closing quote.',
  InvalidEscapeCharacter: 'This escape sequence is not allowed in JSON.',
};

/** Levels of a config. One of ours has six; thousands would overflow the parser's stack. */
const DEEPEST = 200;

/** Levels of nesting at the most; brackets in texts and comments count, for nobody writes that many. */
function depthOf(text: string): number {
  let depth = 0;
  let deepest = 0;
  for (const [bracket] of text.matchAll(/[[{}\]]/g)) {
    depth = bracket === '[' || bracket === '{' ? depth + 1 : Math.max(0, depth - 1);
    deepest = Math.max(deepest, depth);
  }
  return deepest;
}

export function parseConfig(text: string): ParsedConfig {
  const errors: ParseError[] = [];
  const lines = new Lines(text);
  if (depthOf(text) > DEEPEST) {
    const problem: ConfigProblem = { range: lines.range({ offset: 0, length: 1 }), text: `This is nested more than ${DEEPEST} levels deep.`, severity: 'error' };
    return { root: undefined, lines, problems: [problem] };
  }
  const root = parseTree(text, errors, options);
  const problems = errors.map(({ error, offset, length }): ConfigProblem => ({
    range: lines.range({ offset, length: Math.max(1, length) }),
    text: sentences[printParseErrorCode(error)] ?? 'This is not JSON.',
    severity: 'error',
  }));
  if (root !== undefined && root.type !== 'object' && problems.length === 0) {
    problems.push({ range: lines.range(root), text: 'A config is one JSON object: { … }.', severity: 'error' });
  }
  return { root, lines, problems };
}
