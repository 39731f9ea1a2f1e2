import path from 'node:path';
import { changeOf, type Change, changes, countChanges } from '../samples/change';
import { diffText, type Pieces, type TextDiff } from '../samples/diff';
import { drawNames } from '../samples/document';
import { groupPairs } from '../samples/group';
import { comparePrompts, holds, type ListOrder, listOrders, onlyChanged, sortListed, textsOf } from '../samples/list';
import { describeSample } from '../samples/measured';
import { type Pair, pairSamples } from '../samples/pair';
import { showControlCharacters } from '../present/text';
import { pad } from '../present/width';
import { findRun } from '../rundir/find';
import { readPairPieces } from '../rundir/pairPieces';
import { findSide, readSide, type Side } from '../rundir/sides';
import { type Call, type Command, exitCodes, json, runs, UsageError } from './command';
import type { Paint, Terminal } from './terminal';

export const diff: Command = {
  name: 'diff',
  operands: ['run'],
  summary: 'Compare what was written at two checkpoints, or by teacher and reference.',
  notes: [
    'A run is named by its id, the beginning of one, "latest", or the path of its folder.',
    'A side is a step, a checkpoint\'s name, first, last, teacher or reference.',
    'A prompt is listed when any of its draws is like that; of it those draws are shown. Alike draws are one: "greedy ×3".',
  ],
  options: {
    from: { value: 'side', text: 'The left side. Default: first.' },
    to: { value: 'side', text: 'The right side. Default: last.' },
    with: { value: 'run', text: 'The run of the right side. Default: the same.' },
    draw: { value: 'k', text: 'Only draw k; 0 is the greedy one.' },
    contains: { value: 'text', text: 'Only prompts that hold this text, or whose answers or references do.' },
    sort: { value: 'order', text: 'prompt: as in the file. change: the most regressed first. gain: the most improved first. score: the lowest score of the right side. Default: prompt.' },
    only: { value: 'change', text: `Only these: ${changes.join(', ')}. Default: all but the same.` },
    runs,
    json,
  },
  run: diffCommand,
};

async function diffCommand(call: Call): Promise<number> {
  const { terminal } = call;
  const draw = call.number('draw');
  const only = changesOf(call.text('only'));
  const order = orderOf(call.text('sort'));
  const dir = await findRun(call.runsFolder, call.operand(0));
  const named = call.text('with');
  const other = named === undefined ? dir : await findRun(call.runsFolder, named);
  const [from, to] = await Promise.all([findSide(dir, call.text('from') ?? 'first'), findSide(other, call.text('to') ?? 'last')]);
  const [left, right] = await Promise.all([readSide(dir, from.name), readSide(other, to.name)]);
  const all = pairSamples(left, right).filter((pair) => draw === undefined || pair.draw === draw);
  const found = comparePrompts(all).filter((prompt) => holds(textsOf(prompt), call.text('contains') ?? ''));
  const prompts = sortListed(onlyChanged(found, only), order);
  const pairs = prompts.flatMap((prompt) => prompt.pairs.filter((pair) => only.includes(changeOf(pair))));
  const pieces = await readPairPieces({ dir, side: from.name }, { dir: other, side: to.name }, pairs);
  const counted = found.flatMap((prompt) => prompt.pairs);
  if (call.is('json')) {
    const shown = pairs.map((pair) => pairJson(pair, pieces.get(pair)));
    const run = path.basename(dir);
    terminal.json({ run, with: path.basename(other), from: from.name, to: to.name, counts: countChanges(counted), pairs: shown });
    return exitCodes.finished;
  }
  const beside = other === dir ? to : { ...to, label: `${showControlCharacters(path.basename(other))}, ${to.label}` };
  printHead(from, beside, counted, terminal);
  for (const prompt of prompts) {
    const wanted = prompt.pairs.filter((pair) => only.includes(changeOf(pair)));
    for (const alike of groupPairs(wanted)) printPairs(alike, pieces, from, to, terminal);
  }
  return exitCodes.finished;
}

function orderOf(text: string | undefined): ListOrder {
  const order = listOrders.find((one) => one === (text ?? 'prompt'));
  if (order === undefined) throw new UsageError(`--sort takes ${listOrders.join(', ')}, not "${text ?? ''}".`);
  return order;
}

function changesOf(text: string | undefined): readonly Change[] {
  if (text === undefined) return changes.filter((change) => change !== 'same');
  return text.split(',').map((word) => {
    const change = changes.find((one) => one === word.trim());
    if (change === undefined) throw new UsageError(`--only takes ${changes.join(', ')}, not "${word}".`);
    return change;
  });
}

function pairJson(pair: Pair, pieces: Pieces | undefined): unknown {
  const { promptId, draw, prompt, left, right } = pair;
  const textDiff = left && right ? diffText(left.text, right.text, pieces) : undefined;
  return {
    promptId, draw, prompt, change: changeOf(pair), left: left ?? null, right: right ?? null,
    unit: textDiff?.unit ?? null, diff: textDiff?.parts ?? null,
  };
}

const painter = (change: Change, paint: Paint): ((text: string) => string) =>
  ({ improved: paint.green, regressed: paint.red, changed: paint.yellow, same: paint.dim, unpaired: paint.dim })[change];

function printHead(from: Side, to: Side, pairs: readonly Pair[], terminal: Terminal): void {
  const { paint } = terminal;
  const counts = countChanges(pairs);
  const told = changes.filter((change) => counts[change] > 0).map((change) => painter(change, paint)(`${counts[change]} ${change}`));
  terminal.line(`${paint.bold(`${from.label} → ${to.label}`)}  ${told.join(paint.dim(' · '))}`);
}

/** Pairs that came out alike: one stands for all. */
function printPairs(alike: readonly Pair[], pieces: ReadonlyMap<Pair, Pieces>, from: Side, to: Side, terminal: Terminal): void {
  const { paint } = terminal;
  const [pair] = alike;
  if (pair === undefined) return;
  const { left, right } = pair;
  const change = changeOf(pair);
  const reference = (left ?? right)?.references.map(showControlCharacters).join('  |  ') ?? '';
  const width = Math.max(9, from.label.length, to.label.length) + 2;
  terminal.line();
  terminal.line(`${paint.bold(showControlCharacters(pair.prompt))}  ${paint.dim(drawNames(alike.map(({ draw }) => draw)))}  ${painter(change, paint)(change)}`);
  if (reference !== '') terminal.line(`  ${paint.dim(pad('reference', width) + reference)}`);
  if (left && right) terminal.line(`  ${paint.dim(pad('', width))}${inlineDiff(diffText(left.text, right.text, pieces.get(pair)), terminal)}`);
  for (const [side, sample] of [[from, left], [to, right]] as const) {
    if (sample === undefined) continue;
    const text = left && right ? '' : `${showControlCharacters(sample.text)}  `;
    const about = describeSample(sample);
    if (text + about !== '') terminal.line(`  ${paint.dim(pad(side.label, width))}${text}${paint.dim(about)}`);
  }
}

/** Colours tell what went and what came; without them brackets do. */
function inlineDiff({ parts }: TextDiff, { paint }: Terminal): string {
  const colored = paint.bold('x') !== 'x';
  return parts.map(({ kind, text }) => {
    const shown = showControlCharacters(text);
    if (kind === 'same') return shown;
    if (!colored) return kind === 'added' ? `{+${shown}+}` : `[-${shown}-]`;
    return kind === 'added' ? paint.green(shown) : `\u001b[9m${paint.red(shown)}\u001b[29m`;
  }).join('');
}
