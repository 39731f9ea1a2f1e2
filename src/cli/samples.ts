import type { Sample } from '../contract/generated';
import { drawNames } from '../samples/document';
import { groupByPrompt, groupDraws } from '../samples/group';
import { describeSample } from '../samples/measured';
import { showControlCharacters } from '../present/text';
import { pad } from '../present/width';
import { findRun } from '../rundir/find';
import { findSide, readSide } from '../rundir/sides';
import { type Call, type Command, exitCodes, json, runs } from './command';
import type { Terminal } from './terminal';

export const samples: Command = {
  name: 'samples',
  operands: ['run'],
  summary: 'Print what the student wrote at a checkpoint.',
  notes: ['A run is named by its id, the beginning of one, "latest", or the path of its folder.'],
  options: {
    step: { value: 'step', text: 'A step, a checkpoint\'s name, first, last, teacher or reference. Default: last.' },
    draw: { value: 'k', text: 'Only draw k; 0 is the greedy one.' },
    runs,
    json,
  },
  run: samplesCommand,
};

async function samplesCommand(call: Call): Promise<number> {
  const { terminal } = call;
  const draw = call.number('draw');
  const dir = await findRun(call.runsFolder, call.operand(0));
  const side = await findSide(dir, call.text('step') ?? 'last');
  const found = (await readSide(dir, side.name)).filter((sample) => draw === undefined || sample.draw === draw);
  if (call.is('json')) {
    terminal.json(found);
    return exitCodes.finished;
  }
  terminal.line(terminal.paint.bold(side.label));
  for (const draws of groupByPrompt(found).values()) printPrompt(draws, terminal);
  return exitCodes.finished;
}

function printPrompt(draws: readonly Sample[], terminal: Terminal): void {
  const { paint } = terminal;
  const [first] = draws;
  if (first === undefined) return;
  terminal.line();
  terminal.line(paint.bold(showControlCharacters(first.prompt)));
  if (first.references.length > 0) terminal.line(`  ${paint.dim(pad('reference', 10))}${paint.dim(first.references.map(showControlCharacters).join('  |  '))}`);
  for (const alike of groupDraws(draws)) {
    const [sample] = alike;
    if (sample === undefined) continue;
    const text = showControlCharacters(sample.text).split('\n').join(`\n${' '.repeat(12)}`);
    const mark = sample.score['exact'] === 1 ? paint.green(text) : text;
    terminal.line(`  ${paint.dim(pad(drawNames(alike.map(({ draw }) => draw)), 10))}${mark}  ${paint.dim(describeSample(sample))}`);
  }
}
