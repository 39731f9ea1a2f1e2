import path from 'node:path';
import { isCheckpointName, isRunId } from '../../rundir/layout';
import type { EditorContext } from '../context';

/** What a config is to start from: a checkpoint of another run. */
export interface ForkOrigin {
  readonly dir: string;
  readonly checkpoint: string;
}

const KEY = 'runs.forkDrafts';
/** Configs that are remembered. */
const REMEMBERED = 50;

/** Knows which configs of this workspace were opened to fork a run, and from where. */
export class ForkDrafts {
  constructor(private readonly context: EditorContext) {}

  /** Undefined for a config that starts from the beginning. */
  of(config: string): ForkOrigin | undefined {
    const origin = this.context.extension.workspaceState.get<Record<string, ForkOrigin>>(KEY, {})[config];
    return origin && isRunId(path.basename(origin.dir)) && isCheckpointName(origin.checkpoint) ? origin : undefined;
  }

  async keep(config: string, origin: ForkOrigin): Promise<void> {
    await this.update([...this.others(config), [config, origin]]);
  }

  /** The config starts from the beginning from now on. */
  async forget(config: string): Promise<void> {
    await this.update(this.others(config));
  }

  private others(config: string): [string, ForkOrigin][] {
    const all = this.context.extension.workspaceState.get<Record<string, ForkOrigin>>(KEY, {});
    return Object.entries(all).filter(([other]) => other !== config);
  }

  private async update(all: readonly [string, ForkOrigin][]): Promise<void> {
    await this.context.extension.workspaceState.update(KEY, Object.fromEntries(all.slice(-REMEMBERED)));
  }
}
