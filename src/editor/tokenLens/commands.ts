import * as vscode from 'vscode';
import { checkpointLabel } from '../../present/labels';
import { isCheckpointName } from '../../rundir/layout';
import { readSamples, sampledCheckpoints } from '../../rundir/samples';
import { readSide, REFERENCE } from '../../rundir/sides';
import { hasTokens, NoTokens, readTokenIndex, type TokenKey } from '../../rundir/tokens';
import { drawName, layOutSamples } from '../../samples/document';
import { namePrompts } from '../../samples/promptName';
import { isMeasure, type Measure, measureLooks, measures } from '../../samples/tokens';
import type { EditorContext } from '../context';
import { showInfo } from '../notify';
import type { RunRegistry } from '../runs/registry';
import { presentRun, targetOf } from '../runs/target';
import { parseSamplesUri, tabName } from '../samples/address';
import { promptLabel } from '../samples/promptLabel';
import { promptPick } from '../samples/promptPick';
import { parseTokensUri, type TokensAddress, tokensUri } from './address';
import { otherView, type TokenLens } from './lens';

const MEASURE = 'minillm.tokenMeasure';

export function registerTokenCommands(context: EditorContext, runs: RunRegistry, lens: TokenLens): void {
  const { workspaceState } = context.extension;
  const measure = (): Measure => {
    const kept = workspaceState.get(MEASURE);
    return isMeasure(kept) ? kept : 'gap';
  };

  context.command('minillm.inspectTokens', async (given) => {
    const pair = given === undefined || given instanceof vscode.Uri ? await underCursor() : undefined;
    if (pair?.other) {
      await compare(pair.own, pair.other, measure());
      return;
    }
    const address = pair?.own ?? (await choose(runs, given instanceof vscode.Uri ? undefined : given));
    if (address) await open(address, measure());
  });

  context.command('minillm.nextWorstToken', () => onEditor((editor) => lens.goToWorst(editor, 1)));
  context.command('minillm.previousWorstToken', () => onEditor((editor) => lens.goToWorst(editor, -1)));

  context.command('minillm.chooseTokenMeasure', () => onEditor(async ({ document, viewColumn }) => {
    const now = parseTokensUri(document.uri)?.measure;
    const picks = measures.map((one) => ({ label: measureLooks[one].label, description: one === now ? 'shown' : '', detail: measureLooks[one].detail, measure: one }));
    const chosen = (await vscode.window.showQuickPick(picks, { placeHolder: 'What colours tell', matchOnDetail: true }))?.measure;
    if (chosen === undefined) return;
    await workspaceState.update(MEASURE, chosen);
    const { activeTab } = vscode.window.tabGroups.activeTabGroup;
    if (activeTab?.input instanceof vscode.TabInputTextDiff) {
      const [left, right] = [otherView(activeTab.input.original, chosen), otherView(activeTab.input.modified, chosen)];
      if (left && right) await vscode.commands.executeCommand('vscode.diff', left, right, activeTab.label);
      return;
    }
    const other = otherView(document.uri, chosen);
    if (other) await vscode.window.showTextDocument(other, { preview: true, ...(viewColumn === undefined ? {} : { viewColumn }) });
  }));

  context.command('minillm.openTokenTable', () => onEditor(async ({ document }) => {
    const table = otherView(document.uri, undefined);
    if (table) await vscode.window.showTextDocument(table, { preview: true });
  }));
}

async function onEditor(act: (editor: vscode.TextEditor) => unknown): Promise<void> {
  const editor = vscode.window.activeTextEditor;
  if (editor && parseTokensUri(editor.document.uri)) await act(editor);
  else void showInfo('This works where a response is shown token by token: run "MiniLLM: Inspect Tokens" first.');
}

/** The response at the cursor of a samples document; in a diff of two, the same one on both sides. */
async function underCursor(): Promise<{ readonly own: TokensAddress; readonly other: TokensAddress | undefined } | undefined> {
  const editor = vscode.window.activeTextEditor;
  const shown = editor && parseSamplesUri(editor.document.uri);
  if (!shown) return undefined;
  const samples = await readSide(shown.dir, shown.checkpoint);
  const wanted = shown.promptId === undefined ? samples : samples.filter(({ promptId }) => promptId === shown.promptId);
  const { places } = layOutSamples(wanted);
  const { line } = editor.selection.active;
  // A prompt's own lines stand above its responses: there its first one is meant.
  const place = places.findLast((one) => one.line <= line) ?? places[0];
  if (!place) return undefined;
  const next = places.find((one) => one.line > line);
  const here = next && next.sample.promptId !== place.sample.promptId && editor.document.lineAt(line).text.startsWith('#') ? next.sample : place.sample;
  const { input } = vscode.window.tabGroups.activeTabGroup.activeTab ?? {};
  if (!(input instanceof vscode.TabInputTextDiff)) return { own: addressOf(shown.dir, shown.checkpoint, here), other: undefined };
  const [left, right] = [parseSamplesUri(input.original), parseSamplesUri(input.modified)];
  if (!left || !right) return undefined;
  return { own: addressOf(left.dir, left.checkpoint, here), other: addressOf(right.dir, right.checkpoint, here) };
}

/** Of the references it is the first one that was scored, by the newest checkpoint that has detail: the caller's side cannot say. */
function addressOf(dir: string, side: string, { promptId, draw }: { readonly promptId: string; readonly draw: number }): TokensAddress {
  return { dir, checkpoint: side, promptId, kind: side === REFERENCE.name ? 'reference' : 'draw', draw: side === REFERENCE.name ? 0 : draw, measure: undefined };
}

/** A side of references has no detail of its own: what a checkpoint made of them is. */
async function settled(address: TokensAddress): Promise<TokensAddress> {
  if (address.checkpoint !== REFERENCE.name) return address;
  const names = (await sampledCheckpoints(address.dir)).filter((name) => name !== 'teacher');
  for (const checkpoint of names.reverse()) if (await hasTokens(address.dir, checkpoint)) return { ...address, checkpoint };
  throw new NoTokens('No checkpoint of this run has token detail.');
}

async function open(address: TokensAddress, measure: Measure): Promise<void> {
  const wanted = await settled(address);
  const called = await promptLabel(wanted);
  await check(wanted, called);
  await vscode.window.showTextDocument(tokensUri({ ...wanted, measure }, called), { preview: true });
}

async function compare(left: TokensAddress, right: TokensAddress, measure: Measure): Promise<void> {
  const sides = [await settled(left), await settled(right)] as const;
  const called = await promptLabel(sides[0]);
  for (const side of sides) await check(side, called);
  const [one, other] = sides.map(({ checkpoint, kind }) => (kind === 'reference' ? REFERENCE.label : checkpointLabel(checkpoint)));
  const draw = sides.find(({ kind }) => kind === 'draw')?.draw ?? 0;
  const title = `${tabName(called)} · ${one ?? ''} ↔ ${other ?? ''} · ${drawName(draw)}, tokens`;
  await vscode.commands.executeCommand('vscode.diff', tokensUri({ ...sides[0], measure }, called), tokensUri({ ...sides[1], measure }, called), title);
}

/** Rejects with the reason in a sentence, before an editor opens that could only say that something is missing. */
async function check({ dir, checkpoint, promptId, kind, draw }: TokensAddress, called: string): Promise<void> {
  const { lines } = await readTokenIndex(dir, checkpoint);
  if (!lines.some((line) => line.promptId === promptId && line.kind === kind && line.draw === draw)) {
    throw new NoTokens(`${checkpointLabel(checkpoint)} has no token detail of "${called}", ${kind === 'reference' ? 'reference' : drawName(draw)}.`);
  }
}

interface Given {
  readonly promptId?: unknown;
  readonly draw?: unknown;
  readonly kind?: unknown;
}

/** What the caller named, with questions for the rest. */
async function choose(runs: RunRegistry, given: unknown): Promise<TokensAddress | undefined> {
  const target = await presentRun(runs, given, 'Run whose samples to inspect');
  if (!target) return undefined;
  const { dir } = target;
  const { promptId, draw, kind } = (targetOf(given) === undefined ? {} : given) as Given;
  const checkpoint = target.checkpoint ?? (await pickCheckpoint(dir));
  if (checkpoint === undefined || !isCheckpointName(checkpoint)) return undefined;
  if (typeof promptId === 'string' && typeof draw === 'number') {
    return { dir, checkpoint, promptId, draw, kind: kind === 'reference' ? 'reference' : 'draw', measure: undefined };
  }
  const key = await pickResponse(dir, checkpoint, typeof promptId === 'string' ? promptId : undefined);
  return key && { dir, checkpoint, ...key, measure: undefined };
}

async function pickCheckpoint(dir: string): Promise<string | undefined> {
  const names: string[] = [];
  for (const name of await sampledCheckpoints(dir)) if (await hasTokens(dir, name)) names.push(name);
  if (names.length === 0) throw new NoTokens('No checkpoint of this run has token detail: it comes with the next checkpoint, unless "inspect.keepTokens" is 0.');
  const picks = names.reverse().map((name) => ({ label: checkpointLabel(name), name }));
  return (await vscode.window.showQuickPick(picks, { placeHolder: 'Whose tokens' }))?.name;
}

async function pickResponse(dir: string, checkpoint: string, promptId: string | undefined): Promise<TokenKey | undefined> {
  const { lines } = await readTokenIndex(dir, checkpoint);
  const samples = await readSamples(dir, checkpoint);
  const nameOf = namePrompts(samples);
  const texts = new Map(samples.map((sample) => [`${sample.promptId}\n${sample.draw}`, sample]));
  const picks = lines.filter((line) => promptId === undefined || line.promptId === promptId).map((line) => {
    const sample = texts.get(`${line.promptId}\n${line.kind === 'draw' ? line.draw : 0}`);
    const text = line.kind === 'reference' ? sample?.references[0] : sample?.text;
    const which = line.kind === 'reference' ? 'reference' : drawName(line.draw);
    return { ...promptPick(nameOf(line.promptId), text ?? '', which), key: { promptId: line.promptId, kind: line.kind, draw: line.draw } };
  });
  return (await vscode.window.showQuickPick(picks, { placeHolder: 'Response to inspect', matchOnDescription: true, matchOnDetail: true }))?.key;
}
