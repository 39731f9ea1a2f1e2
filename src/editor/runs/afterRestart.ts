import * as vscode from 'vscode';
import { type Machine, placeOf } from '../../contract/runPlace';
import { checkpointLabel } from '../../present/labels';
import { newestComplete } from '../../rundir/checkpoints';
import { thisMachine } from '../../rundir/liveness';
import type { RunSummary } from '../../rundir/runs';
import type { EditorContext } from '../context';
import { showInfo } from '../notify';
import type { RunRegistry } from './registry';

const OFFERED = 'runs.resumeOffered';
/** Attempts that are remembered as offered. */
const REMEMBERED = 200;

/** It was at work on this machine when that went down, and nothing has become of it since. */
export function wasCutOff({ state, status }: RunSummary, machine: Machine): boolean {
  if (state !== 'lost' || status === undefined) return false;
  const { sameHost, sameBoot } = placeOf(status, machine);
  return sameHost && !sameBoot;
}

/** Where the runs would go on, as the end of a sentence: from what lies on the disk, whatever was meant to be there. */
export async function whereTheyGoOn(cutOff: readonly Pick<RunSummary, 'dir' | 'name'>[]): Promise<string> {
  const places = await Promise.all(cutOff.map(async ({ dir, name }) => {
    const newest = await newestComplete(dir);
    const place = newest === undefined ? 'begins anew: it has no checkpoint' : `goes on from ${checkpointLabel(newest.name)}`;
    return cutOff.length === 1 ? `it ${place}` : `${name} ${place}`;
  }));
  return `${places.join('; ')}.`;
}

/** After a restart of the machine: offers once to go on with what was running. An attempt is never offered twice. */
export async function offerToResume(context: EditorContext, runs: RunRegistry): Promise<void> {
  if (!vscode.workspace.isTrusted) return;
  const machine = thisMachine();
  const memory = context.extension.workspaceState;
  const offered = memory.get<string[]>(OFFERED, []);
  const keyOf = ({ id, status }: RunSummary): string => `${id} ${status?.attempt ?? 0}`;
  const cutOff = runs.runs.map(({ summary }) => summary)
    .filter((summary) => wasCutOff(summary, machine) && !offered.includes(keyOf(summary)));
  const [first, ...others] = cutOff;
  if (!first) return;
  await memory.update(OFFERED, [...cutOff.map(keyOf), ...offered].slice(0, REMEMBERED));
  const which = others.length === 0 ? `the run ${first.name}` : `${cutOff.length} runs: ${cutOff.map(({ name }) => name).join(', ')}`;
  const [resume, notNow] = ['Resume', 'Not Now'];
  const where = await whereTheyGoOn(cutOff);
  const answer = await showInfo(`The machine restarted during ${which}. Resumed, ${where}`, resume, notNow);
  if (answer !== resume) return;
  for (const { dir } of cutOff) await vscode.commands.executeCommand('minillm.resume', { dir });
}
