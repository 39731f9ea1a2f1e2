import path from 'node:path';
import * as vscode from 'vscode';
import { checkpointLabel } from '../../present/labels';
import { readRun } from '../../rundir/runs';
import { sampledCheckpoints } from '../../rundir/samples';
import { listSides, readSide, REFERENCE, type Side } from '../../rundir/sides';
import { pairSamples } from '../../samples/pair';
import { namePrompts } from '../../samples/promptName';
import type { EditorContext } from '../context';
import { showInfo } from '../notify';
import { checkpointDescription } from '../runs/describe';
import { scoreMetric } from '../../present/checkpoints';
import type { RunRegistry } from '../runs/registry';
import { pickRun, presentRun, SELECTION, targetOf, type Target } from '../runs/target';
import { samplesUri, type SamplesAddress, tabName } from './address';
import { promptLabel } from './promptLabel';

interface Comparison {
  readonly left: SamplesAddress;
  readonly right: SamplesAddress;
}

/** Commands that set samples of two checkpoints side by side, from the tree, the panel and the palette. */
export function registerCompareSamples(context: EditorContext, runs: RunRegistry, selection: () => readonly unknown[]): void {
  context.command('minillm.openSamples', async (given) => {
    const target = targetOf(given);
    if (target?.checkpoint === undefined) return;
    if (!(await sampledCheckpoints(target.dir)).includes(target.checkpoint)) {
      void showInfo(`There are no samples of ${checkpointLabel(target.checkpoint)} yet.`);
      return;
    }
    const { promptId } = given as { readonly promptId?: unknown };
    const address = { dir: target.dir, checkpoint: target.checkpoint, promptId: typeof promptId === 'string' ? promptId : undefined };
    await vscode.commands.executeCommand('vscode.open', samplesUri(address, await promptLabel(address)), { preview: true });
  });

  context.command('minillm.compareSamples', async (given, many) => {
    const rows = given === SELECTION ? selection() : undefined;
    const comparison = rows ? await choose(runs, rows[0], rows) : await choose(runs, given, many);
    if (comparison) await showDiff(runs, comparison);
  });

  for (const [command, to] of [['minillm.compareWithTeacher', 'teacher'], ['minillm.compareWithReference', REFERENCE.name]] as const) {
    context.command(command, async (given) => {
      const target = targetOf(given);
      if (target?.checkpoint === undefined) return;
      if (!(await listSides(target.dir)).some(({ name }) => name === to)) {
        void showInfo(`There are no samples of the ${to} yet.`);
        return;
      }
      const comparison = await choose(runs, { ...target, to }, undefined);
      if (comparison) await showDiff(runs, comparison);
    });
  }

  context.command('minillm.compareEachSample', async (given, many) => {
    const comparison = await choose(runs, given, many);
    if (comparison) await showEach(runs, comparison);
  });
}

/** What to compare: two selected checkpoints, or what was given, with questions for the rest. */
async function choose(runs: RunRegistry, given: unknown, many: unknown): Promise<Comparison | undefined> {
  const selected = Array.isArray(many) ? many.flatMap((one): SamplesAddress[] => checkpointIn(targetOf(one))) : [];
  const [first, second] = selected;
  if (first && second) {
    if (selected.length > 2) void showInfo('Two checkpoints are compared at a time: the first two of the selection.');
    return inOrder(first, second);
  }
  const asked = (given ?? {}) as { readonly from?: unknown; readonly to?: unknown; readonly promptId?: unknown };
  const target = await presentRun(runs, given, 'Run whose samples to compare');
  if (!target) return undefined;
  const { dir } = target;
  const promptId = typeof asked.promptId === 'string' ? asked.promptId : undefined;
  const sides = await listSides(dir);
  if (sides.length === 0) {
    void showInfo('This run has no samples yet: they come with its first checkpoint.');
    return undefined;
  }
  const known = (name: unknown): string | undefined => sides.find((side) => side.name === name)?.name;
  const from = known(asked.from) ?? target.checkpoint ?? (await pickSide(runs, dir, sides, 'Compare from'));
  if (from === undefined) return undefined;
  const left = { dir, checkpoint: from, promptId };
  const to = known(asked.to);
  // The panel says what it wants where.
  if (to !== undefined && known(asked.from) !== undefined) return { left, right: { ...left, checkpoint: to } };
  const right = to === undefined ? await pickOther(runs, left, sides) : { ...left, checkpoint: to };
  return right && inOrder(left, right);
}

/** The older checkpoint stands on the left, the teacher on the right, the references on the left, whichever was chosen first. */
function inOrder(first: SamplesAddress, second: SamplesAddress): Comparison {
  return first.dir === second.dir && first.checkpoint > second.checkpoint ? { left: second, right: first } : { left: first, right: second };
}

function checkpointIn(target: Target | undefined): SamplesAddress[] {
  return target?.checkpoint === undefined ? [] : [{ dir: target.dir, checkpoint: target.checkpoint }];
}

interface SidePick extends vscode.QuickPickItem {
  /** Undefined leads to the other runs. */
  readonly name: string | undefined;
}

/** Sides with their scores. */
async function picksOf(runs: RunRegistry, dir: string, sides: readonly Side[]): Promise<SidePick[]> {
  const rows = await runs.checkpoints(dir);
  const score = scoreMetric(rows, runs.get(dir)?.summary.run?.config.checkpoints.best ?? 'eval/kl_reverse');
  return sides.map(({ name, label }) => {
    const row = rows.find((one) => one.name === name);
    return { label, description: row ? `${checkpointDescription(row, score)}${row.best ? ' · best' : ''}` : '', name };
  });
}

/** The oldest comes first, since most comparisons begin there. */
async function pickSide(runs: RunRegistry, dir: string, sides: readonly Side[], placeHolder: string): Promise<string | undefined> {
  return (await vscode.window.showQuickPick(await picksOf(runs, dir, sides), { placeHolder, matchOnDescription: true }))?.name;
}

/** The other side: of the same run, the references, the teacher and the newest first; or of another run. */
async function pickOther(runs: RunRegistry, first: SamplesAddress, sides: readonly Side[]): Promise<SamplesAddress | undefined> {
  const picks = await picksOf(runs, first.dir, sides.filter(({ name }) => name !== first.checkpoint));
  const others = runs.runs.filter(({ summary: { dir } }) => dir !== first.dir);
  const another: SidePick[] = others.length === 0 ? [] : [
    { label: '', kind: vscode.QuickPickItemKind.Separator, name: undefined }, { label: '$(arrow-swap) Another run…', alwaysShow: true, name: undefined },
  ];
  const placeHolder = `Compare ${sides.find(({ name }) => name === first.checkpoint)?.label ?? checkpointLabel(first.checkpoint)} with`;
  const pick = await vscode.window.showQuickPick([...picks.reverse(), ...another], { placeHolder, matchOnDescription: true });
  if (!pick) return undefined;
  if (pick.name !== undefined) return { ...first, checkpoint: pick.name };
  const run = await pickRun(others, 'Run to compare with', 'There is no other run in this workspace.');
  if (!run) return undefined;
  const its = await listSides(run.dir);
  if (its.length === 0) {
    void showInfo('That run has no samples yet: they come with its first checkpoint.');
    return undefined;
  }
  const name = await pickSide(runs, run.dir, its, 'Its checkpoint');
  return name === undefined ? undefined : { ...first, dir: run.dir, checkpoint: name };
}

async function showDiff(runs: RunRegistry, { left, right }: Comparison): Promise<void> {
  const called = await promptLabel(right);
  const title = `${await titleOf(runs, left, right)}${called === undefined ? '' : `, ${tabName(called)}`}`;
  await vscode.commands.executeCommand('vscode.diff', samplesUri(left, called), samplesUri(right, called), title, { preview: false });
}

/** One editor with a part for each prompt whose answers differ; where the editor has no such thing, all in one document. */
async function showEach(runs: RunRegistry, comparison: Comparison): Promise<void> {
  const { left, right } = comparison;
  const [older, newer] = [await readSide(left.dir, left.checkpoint), await readSide(right.dir, right.checkpoint)];
  const pairs = pairSamples(older, newer);
  const prompts = new Set(pairs.map(({ promptId }) => promptId));
  const differing = new Set(pairs.filter((pair) => pair.left?.text !== pair.right?.text).map(({ promptId }) => promptId));
  if (differing.size === 0) {
    void showInfo(`All ${prompts.size} prompts are answered alike.`);
    return;
  }
  // The editor adds how many there are.
  const title = `${await titleOf(runs, left, right)}, answers that differ`;
  const nameOf = namePrompts([...older, ...newer]);
  const resources = [...differing].map((promptId) => {
    const called = nameOf(promptId).label;
    const original = samplesUri({ ...left, promptId, shownIn: right.dir }, called);
    const modified = samplesUri({ ...right, promptId }, called);
    return [modified, original, modified];
  });
  const commands = await vscode.commands.getCommands(true);
  if (commands.includes('vscode.changes')) await vscode.commands.executeCommand('vscode.changes', title, resources);
  else await showDiff(runs, comparison);
}

async function titleOf(runs: RunRegistry, left: SamplesAddress, right: SamplesAddress): Promise<string> {
  const name = async (dir: string): Promise<string> => (runs.get(dir)?.summary ?? (await readRun(dir))).name;
  const [from, to] = [checkpointLabel(left.checkpoint), checkpointLabel(right.checkpoint)];
  if (left.dir === right.dir) return `${await name(left.dir)}: ${from} ↔ ${to}`;
  const names = [await name(left.dir), await name(right.dir)];
  const [one, other] = names[0] === names[1] ? [path.basename(left.dir), path.basename(right.dir)] : names;
  return `${one ?? ''}, ${from} ↔ ${other ?? ''}, ${to}`;
}
