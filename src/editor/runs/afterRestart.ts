import * as vscode from 'vscode';
import { thisMachine } from '../../rundir/liveness';
import type { RunSummary } from '../../rundir/runs';
import type { EditorContext } from '../context';
import { showInfo } from '../notify';
import type { RunRegistry } from './registry';

const OFFERED = 'runs.resumeOffered';
/** Attempts that are remembered as offered. */
const REMEMBERED = 200;

/** It was at work on this machine when that went down, and nothing has become of it since. */
export function wasCutOff({ state, status }: RunSummary, { host, bootId }: { readonly host: string; readonly bootId: string }): boolean {
  return state === 'lost' && status !== undefined && status.host === host && status.bootId !== bootId;
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
  const answer = await showInfo(`The machine restarted during ${which}. The checkpoints are complete.`, resume, notNow);
  if (answer !== resume) return;
  for (const { dir } of cutOff) await vscode.commands.executeCommand('minillm.resume', { dir });
}
