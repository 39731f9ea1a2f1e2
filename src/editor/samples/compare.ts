import path from 'node:path';
import * as vscode from 'vscode';
import { checkpointLabel } from '../../present/labels';
import { readRun } from '../../rundir/runs';
import { sampledCheckpoints } from '../../rundir/samples';
import { listSides, readSide } from '../../rundir/sides';
import { pairSamples } from '../../samples/pair';
import type { EditorContext } from '../context';
import { checkpointDescription } from '../runs/describe';
import { scoreMetric } from '../../present/checkpoints';
import type { RunRegistry } from '../runs/registry';
import { givenOrPicked, targetOf, type Target } from '../runs/target';
import { samplesUri, type SamplesAddress } from './address';

interface Comparison {
  readonly left: SamplesAddress;
  readonly right: SamplesAddress;
}

/** Commands that set samples of two checkpoints side by side, from the tree, the panel and the palette. */
export function registerCompareSamples(context: EditorContext, runs: RunRegistry): void {
  context.command('minillm.openSamples', async (given) => {
    const target = targetOf(given);
    if (target?.checkpoint === undefined) return;
    if (!(await sampledCheckpoints(target.dir)).includes(target.checkpoint)) {
      void vscode.window.showInformationMessage(`There are no samples of ${checkpointLabel(target.checkpoint)} yet.`);
      return;
    }
    const { promptId } = given as { readonly promptId?: unknown };
    const address = { dir: target.dir, checkpoint: target.checkpoint, promptId: typeof promptId === 'string' ? promptId : undefined };
    await vscode.commands.executeCommand('vscode.open', samplesUri(address), { preview: true });
  });

  context.command('minillm.compareSamples', async (given, many) => {
    const comparison = await choose(runs, given, many);
    if (comparison) await showDiff(runs, comparison);
  });

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
    if (selected.length > 2) void vscode.window.showInformationMessage('Two checkpoints are compared at a time: the first two of the selection.');
    const [left, right] = first.dir === second.dir && first.checkpoint > second.checkpoint ? [second, first] : [first, second];
    return { left, right };
  }
  const asked = (given ?? {}) as { readonly from?: unknown; readonly to?: unknown; readonly promptId?: unknown };
  const target = await givenOrPicked(runs, given, 'Run whose samples to compare');
  if (!target) return undefined;
  const { dir } = target;
  const promptId = typeof asked.promptId === 'string' ? asked.promptId : undefined;
  const names = (await listSides(dir)).map(({ name }) => name);
  if (names.length === 0) {
    void vscode.window.showInformationMessage('This run has no samples yet: they come with its first checkpoint.');
    return undefined;
  }
  const known = (name: unknown): string | undefined => names.find((one) => one === name);
  const from = known(asked.from) ?? target.checkpoint ?? (await pick(runs, dir, names, 'Compare from', undefined));
  if (from === undefined) return undefined;
  const to = known(asked.to) ?? (await pick(runs, dir, names.filter((name) => name !== from), `Compare ${checkpointLabel(from)} with`, from));
  if (to === undefined) return undefined;
  // The older one stands on the left, the teacher on the right, the references on the left, whichever was chosen first.
  // The panel says what it wants where.
  const [left, right] = known(asked.from) === undefined && from > to ? [to, from] : [from, to];
  return { left: { dir, checkpoint: left, promptId }, right: { dir, checkpoint: right, promptId } };
}

function checkpointIn(target: Target | undefined): SamplesAddress[] {
  return target?.checkpoint === undefined ? [] : [{ dir: target.dir, checkpoint: target.checkpoint }];
}

/** Without `from`, the oldest comes first, since most comparisons begin there; else the newest, and the teacher before all. */
async function pick(
  runs: RunRegistry, dir: string, names: readonly string[], placeHolder: string, from: string | undefined,
): Promise<string | undefined> {
  const rows = await runs.checkpoints(dir);
  const score = scoreMetric(rows, runs.get(dir)?.summary.run?.config.checkpoints.best ?? 'eval/kl_reverse');
  const items = names.map((name) => {
    const row = rows.find((one) => one.name === name);
    return { label: checkpointLabel(name), description: row ? `${checkpointDescription(row, score)}${row.best ? ' · best' : ''}` : '', name };
  });
  return (await vscode.window.showQuickPick(from === undefined ? items : items.reverse(), { placeHolder, matchOnDescription: true }))?.name;
}

async function showDiff(runs: RunRegistry, { left, right }: Comparison): Promise<void> {
  const what = left.promptId === undefined ? '' : `, ${left.promptId}`;
  await vscode.commands.executeCommand('vscode.diff', samplesUri(left), samplesUri(right), `${await titleOf(runs, left, right)}${what}`, { preview: false });
}

/** One editor with a part for each prompt whose answers differ; where the editor has no such thing, all in one document. */
async function showEach(runs: RunRegistry, comparison: Comparison): Promise<void> {
  const { left, right } = comparison;
  const pairs = pairSamples(await readSide(left.dir, left.checkpoint), await readSide(right.dir, right.checkpoint));
  const prompts = new Set(pairs.map(({ promptId }) => promptId));
  const differing = new Set(pairs.filter((pair) => pair.left?.text !== pair.right?.text).map(({ promptId }) => promptId));
  if (differing.size === 0) {
    void vscode.window.showInformationMessage(`All ${prompts.size} prompts are answered alike.`);
    return;
  }
  // The editor adds how many there are.
  const title = `${await titleOf(runs, left, right)}, answers that differ`;
  const resources = [...differing].map((promptId) => {
    const [original, modified] = [samplesUri({ ...left, promptId }), samplesUri({ ...right, promptId })];
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
