import type { Problem } from '../contract/generated';
import { type ConfigProblem, type ParsedConfig, parseConfig } from './parseConfig';
import { locate } from './positions';

/**
 * What is wrong with a config, placed in its text: its own syntax first, since nothing else can be said before that
 * holds; then what the trainer's check found.
 */
export function diagnoseConfig(text: string, problems: readonly Problem[]): ConfigProblem[] {
  const parsed = parseConfig(text);
  return parsed.problems.length > 0 ? [...parsed.problems] : problems.map((problem) => placeProblem(parsed, problem));
}

/** Gives a problem of the trainer's check its place: the key it points to, else the config's first brace. */
export function placeProblem({ root, lines }: ParsedConfig, problem: Problem): ConfigProblem {
  const span = root === undefined ? { offset: 0, length: 1 } : lines.firstLine(locate(root, problem.pointer ?? ''));
  const inData = problem.line !== null && problem.file !== null;
  return {
    range: lines.range(span),
    text: problem.text,
    severity: problem.severity,
    ...(inData ? { file: problem.file ?? undefined, line: problem.line ?? undefined } : {}),
  };
}
