import type { Problem } from '../contract/generated';

export type LaunchReason =
  | 'unsupported platform' | 'no python' | 'python too old' | 'packages missing' | 'python broken'
  | 'trainer missing' | 'runs folder' | 'supervisor died' | 'no answer'
  | 'not resumable' | 'data changed' | 'no checkpoint' | 'check failed';

/** A run could not be started (resumed, forked), and nothing was left behind or changed. The message is a sentence for the user. */
export class LaunchError extends Error {
  override readonly name = 'LaunchError';

  constructor(
    readonly reason: LaunchReason,
    message: string,
    /** What the user can do about it, in one sentence. */
    readonly fix: string,
    /** What was found behind it, a program's own words: for a log, not for a notification. */
    readonly detail?: string,
  ) {
    super(message);
  }
}

/** The config, or a file that it names, cannot be used as it is. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';

  constructor(
    /** Path of the config. */
    readonly config: string,
    readonly problems: readonly Problem[],
  ) {
    super(problems.find((problem) => problem.severity === 'error')?.text ?? `${config} cannot be used.`);
  }
}
