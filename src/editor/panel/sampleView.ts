/* Samples of one or two sides, shaped and cut for the panel. */
import type { Sample } from '../../contract/generated';
import { showBeginning, showControlCharacters } from '../../present/text';
import type { SamplesMessage, ShownDraw, ShownPrompt, ShownSample } from '../../protocol/runPanel';
import { readPairPieces } from '../../rundir/pairPieces';
import { readSide } from '../../rundir/sides';
import { changeOf, countChanges } from '../../samples/change';
import type { Pieces } from '../../samples/diff';
import { groupByPrompt, groupPairs } from '../../samples/group';
import { comparePrompts } from '../../samples/list';
import { describeSample, faultsOf, measuresOf, scoresOf } from '../../samples/measured';
import { type Pair, pairSamples } from '../../samples/pair';

/** A panel is a preview: the diff and the file have the rest. */
const SHOWN_PROMPTS = 1000;
const SHOWN_CHARACTERS = 4000;

const cut = (text: string): string => showBeginning(text, SHOWN_CHARACTERS);

function shown(sample: Sample | undefined): ShownSample | null {
  if (sample === undefined) return null;
  const exact = sample.score['exact'];
  return {
    text: cut(sample.text),
    exact: exact === undefined ? null : exact === 1,
    // Where nothing is ever exact, overlap tells.
    brief: [...(exact === undefined ? scoresOf(sample) : []), ...measuresOf(sample).slice(0, 1), ...faultsOf(sample)].join(' · '),
    detail: describeSample(sample),
  };
}

/** Reads a side, or says why not. The newest samples may be announced a moment before another machine's disk shows them. */
async function read(dir: string, side: string): Promise<Sample[] | string> {
  try {
    return await readSide(dir, side);
  } catch (error) {
    return `The samples of ${side} cannot be read: ${error instanceof Error ? error.message : String(error)}`;
  }
}

export async function loadSamples(dir: string, checkpoint: string, against: string | null): Promise<SamplesMessage> {
  const nothing = { type: 'samples', checkpoint, against, prompts: [], counts: null, leftOut: 0 } as const;
  const newer = await read(dir, checkpoint);
  if (typeof newer === 'string') return { ...nothing, problem: newer };
  const older = against === null ? [] : await read(dir, against);
  if (typeof older === 'string') return { ...nothing, problem: older };
  const teacher = checkpoint === 'teacher' ? [] : await read(dir, 'teacher');
  const taught = new Map((typeof teacher === 'string' ? [] : teacher).filter(({ draw }) => draw === 0).map((sample) => [sample.promptId, cut(sample.text)]));
  const pairs = pairSamples(older, newer);
  const comparing = against !== null;
  const pieces = comparing ? await readPairPieces({ dir, side: against }, { dir, side: checkpoint }, pairs) : new Map<Pair, Pieces>();
  // In the order of the newer side: what was added to the prompts stands where it was added.
  const compared = new Map(comparePrompts(pairs).map((one) => [one.promptId, one]));
  const grouped = groupByPrompt(newer);
  const prompts = [...grouped].slice(0, SHOWN_PROMPTS).map(([id, draws]): ShownPrompt => {
    const own = compared.get(id);
    return {
      id,
      prompt: cut(draws[0]?.prompt ?? ''),
      references: (draws[0]?.references ?? []).slice(0, 6).map(cut),
      teacher: taught.get(id) ?? null,
      draws: groupPairs(own?.pairs ?? []).map((alike) => shownDraw(alike, pieces, comparing)),
      changes: comparing ? (own?.changes ?? []) : [],
      difference: comparing ? (own?.difference ?? 0) : 0,
      score: own?.score ?? null,
    };
  });
  const counts = comparing ? countChanges(pairs) : null;
  return { type: 'samples', checkpoint, against, prompts, counts, leftOut: grouped.size - prompts.length, problem: null };
}

/** Pairs that came out alike: one stands for all. */
function shownDraw(alike: readonly Pair[], pieces: ReadonlyMap<Pair, Pieces>, comparing: boolean): ShownDraw {
  const [pair] = alike;
  const tokens = pair && pieces.get(pair);
  const visible = (texts: readonly string[]): string[] => texts.map(showControlCharacters);
  return {
    draws: alike.map(({ draw }) => draw),
    newer: shown(pair?.right),
    older: shown(pair?.left),
    change: comparing && pair ? changeOf(pair) : null,
    ...(tokens ? { pieces: { older: visible(tokens.older), newer: visible(tokens.newer) } } : {}),
  };
}
