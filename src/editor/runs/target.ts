import path from 'node:path';
import * as vscode from 'vscode';
import { stateLook } from '../../present/labels';
import { isCheckpointName, isRunId } from '../../rundir/layout';
import { whyGone } from '../../rundir/runs';
import { showInfo } from '../notify';
import { runDescription, runLabel } from './describe';
import type { ListedRun, RunRegistry } from './registry';

/** What a key in package.json gives for the rows that are selected: menus hand over those that they were opened on, keys cannot. */
export const SELECTION = 'selection';

/** What a command about a run is asked to work on. */
export interface Target {
  readonly dir: string;
  readonly checkpoint?: string | undefined;
}

/** Reads a command's argument: a node of the tree, `{ dir, checkpoint? }` from the panel, or a path. Undefined when it names no run. */
export function targetOf(argument: unknown): Target | undefined {
  if (typeof argument === 'string') return isRunId(path.basename(argument)) ? { dir: argument } : undefined;
  if (argument === null || typeof argument !== 'object') return undefined;
  const { dir, checkpoint } = argument as Record<string, unknown>;
  if (typeof dir !== 'string' || !path.isAbsolute(dir) || !isRunId(path.basename(dir))) return undefined;
  return typeof checkpoint === 'string' && isCheckpointName(checkpoint) ? { dir, checkpoint } : { dir };
}

/** The run that is meant as a whole; undefined for what merely lies in one: a checkpoint, its log, its config. */
export function wholeRun(argument: unknown): Target | undefined {
  const target = targetOf(argument);
  const { kind } = (argument ?? {}) as { readonly kind?: unknown };
  return target?.checkpoint === undefined && (kind === undefined || kind === 'run') ? target : undefined;
}

export interface RunPick extends vscode.QuickPickItem {
  readonly dir: string;
}

/** Runs as a list offers them. */
export function runPicks(runs: readonly ListedRun[]): RunPick[] {
  const now = new Date();
  return runs.map((run) => ({
    dir: run.summary.dir,
    label: `$(${stateLook(run.summary.state).icon}) ${runLabel(run).replaceAll('$(', '$ (')}`,
    description: runDescription(run, now),
    detail: run.summary.id,
  }));
}

/** Lets the user choose a run; a single candidate is taken without asking. */
export async function pickRun(runs: readonly ListedRun[], placeHolder: string, none: string): Promise<Target | undefined> {
  const [only] = runs;
  if (!only) {
    void showInfo(none);
    return undefined;
  }
  if (runs.length === 1) return { dir: only.summary.dir };
  return vscode.window.showQuickPick(runPicks(runs), { placeHolder, matchOnDescription: true, matchOnDetail: true });
}

/** The run that a command was given, else one that the user chooses. */
export async function givenOrPicked(registry: RunRegistry, argument: unknown, placeHolder: string): Promise<Target | undefined> {
  // Whoever asks while a run is active most likely means that one.
  const ordered = [...registry.runs].sort((a, b) => Number(b.summary.active) - Number(a.summary.active));
  return targetOf(argument) ?? pickRun(ordered, placeHolder, 'There are no runs in this workspace yet.');
}

/** The same for what lies in the run's folder. Rejects where that is gone: nobody is told that there never were samples or alerts. */
export async function presentRun(registry: RunRegistry, argument: unknown, placeHolder: string): Promise<Target | undefined> {
  const target = await givenOrPicked(registry, argument, placeHolder);
  const gone = target && (await whyGone(target.dir));
  if (gone !== undefined) throw new Error(gone);
  return target;
}
