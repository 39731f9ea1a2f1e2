/* Which runs stand in the charts of one: those that are selected in the tree, or chosen from a list. */
import path from 'node:path';
import * as vscode from 'vscode';
import { MOST_OVERLAYS } from '../../protocol/runPanel';
import type { EditorContext } from '../context';
import { showInfo } from '../notify';
import type { RunRegistry } from '../runs/registry';
import { givenOrPicked, runPicks, wholeRun } from '../runs/target';
import type { RunPanels } from './runPanel';

export function registerCompareCharts(context: EditorContext, runs: RunRegistry, panels: RunPanels): void {
  context.command('minillm.compareCharts', async (given, many) => {
    const selected = Array.isArray(many) ? many.flatMap((one) => wholeRun(one)?.dir ?? []) : [];
    const target = await givenOrPicked(runs, given, 'Run whose charts to compare');
    if (!target) return;
    const others = selected.length > 1 ? selected.filter((dir) => dir !== target.dir) : await choose(runs, panels, target.dir);
    if (others === undefined) return;
    if (others.length > MOST_OVERLAYS) void showInfo(`Charts hold ${MOST_OVERLAYS + 1} runs: of the others the first ${MOST_OVERLAYS} are shown.`);
    await panels.overlay(target.dir, others.slice(0, MOST_OVERLAYS));
  });
}

/** Undefined when the user thinks better of it. */
async function choose(runs: RunRegistry, panels: RunPanels, dir: string): Promise<string[] | undefined> {
  const others = runs.runs.filter(({ summary }) => path.basename(summary.dir) !== path.basename(dir));
  if (others.length === 0) {
    void showInfo('There is no other run in this workspace to compare with.');
    return undefined;
  }
  const shown = panels.overlaysOf(dir);
  const picks = runPicks(others).map((pick) => ({ ...pick, picked: shown.includes(pick.dir) }));
  const title = 'Runs to lay over the charts';
  const placeHolder = `At most ${MOST_OVERLAYS}, each in a colour of its own; none takes all away`;
  const options = { title, placeHolder, canPickMany: true, matchOnDescription: true, matchOnDetail: true } as const;
  const chosen = await vscode.window.showQuickPick(picks, options);
  if (!chosen) return undefined;
  const dirs = chosen.map((pick) => pick.dir);
  // Who was there before keeps place and colour; and who is in no list, of another folder say, is taken out in the panel alone.
  const stays = (one: string): boolean => dirs.includes(one) || !picks.some((pick) => pick.dir === one);
  return [...shown.filter(stays), ...dirs.filter((one) => !shown.includes(one))];
}
