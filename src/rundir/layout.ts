import path from 'node:path';

const RUN_ID = /^\d{8}-\d{6}-[a-z0-9][a-z0-9-]{0,60}$/;
const CHECKPOINT = /^(?:step-\d{8}-a\d{1,4}|teacher)$/;

export function isRunId(text: string): boolean {
  return RUN_ID.test(text);
}

/** A checkpoint's name becomes part of a path: nothing else than the trainer's own names passes. */
export function isCheckpointName(text: string): boolean {
  return CHECKPOINT.test(text);
}

/** `YYYYMMDD-HHMMSS-<slug>` in local time: sorts by age, reads as a date. */
export function newRunId(name: string, date: Date): string {
  const two = (n: number): string => String(n).padStart(2, '0');
  const day = `${date.getFullYear()}${two(date.getMonth() + 1)}${two(date.getDate())}`;
  const time = `${two(date.getHours())}${two(date.getMinutes())}${two(date.getSeconds())}`;
  const slug = name.normalize('NFKD').toLowerCase().replace(/[^a-z0-9]+/g, '-').replace(/^-+|-+$/g, '').slice(0, 40).replace(/-+$/, '');
  return `${day}-${time}-${slug || 'run'}`;
}

/** Where everything lies in a run folder. */
export class RunDir {
  constructor(readonly path: string) {}

  get id(): string {
    return path.basename(this.path);
  }
  get run(): string {
    return this.at('run.json');
  }
  get config(): string {
    return this.at('config.jsonc');
  }
  get user(): string {
    return this.at('user.json');
  }
  get status(): string {
    return this.at('status.json');
  }
  get journal(): string {
    return this.at('journal.jsonl');
  }
  get events(): string {
    return this.at('events.jsonl');
  }
  get exit(): string {
    return this.at('exit.json');
  }
  get log(): string {
    return this.at('log.txt');
  }
  get control(): string {
    return this.at('control');
  }
  get controlDone(): string {
    return this.at('control', 'done');
  }
  get controlTrainer(): string {
    return this.at('control', 'trainer');
  }
  get samples(): string {
    return this.at('samples');
  }
  get checkpoints(): string {
    return this.at('checkpoints');
  }
  get provenance(): string {
    return this.at('provenance');
  }

  samplesOf(checkpoint: string): string {
    return this.at('samples', `${checkpoint}.jsonl`);
  }

  /** What both models thought of the same samples, token by token. */
  tokensOf(checkpoint: string): string {
    return this.at('samples', `${checkpoint}.tokens.jsonl`);
  }
  tokenIndexOf(checkpoint: string): string {
    return this.at('samples', `${checkpoint}.tokens.index`);
  }

  checkpoint(name: string): string {
    return this.at('checkpoints', name);
  }

  private at(...parts: string[]): string {
    return path.join(this.path, ...parts);
  }
}
