import path from 'node:path';
import type { ConfigPlace } from '../launch/resolve';
import { type Call, type Option, runs } from './command';

/** What is said on the command line of a config's place: where its run is made, and what it finds there. */
export const placeOptions: Readonly<Record<string, Option>> = {
  runs: { ...runs, text: 'Where the run\'s folder is made, whatever the config says. Default: its runsFolder, else runs, in the workspace.' },
  workspace: { value: 'folder', text: 'Folder whose .venv is used, and whose git state a run records. Default: the working directory.' },
};

export function placeOf(call: Call): ConfigPlace {
  return {
    config: path.resolve(call.operand(0)),
    workspace: path.resolve(call.text('workspace') ?? '.'),
    runsFolder: call.text('runs') === undefined ? undefined : call.runsFolder,
  };
}
