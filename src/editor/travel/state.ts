/* What the time travel page shows, from samples on disk. */
import type { Sample } from '../../contract/generated';
import type { CheckpointRow } from '../../present/checkpoints';
import { checkpointLabel } from '../../present/labels';
import { showBeginning, showControlCharacters } from '../../present/text';
import type { TravelMoment, TravelState } from '../../protocol/timeTravel';
import { keptCheckpoints } from '../../samples/branch';
import { scoreWord } from '../../samples/measured';
import { namePrompts } from '../../samples/promptName';
import { type Moment, travelOf } from '../../samples/travel';

const SHOWN_CHARACTERS = 20_000;
const SHOWN_PROMPTS = 1000;

const cut = (text: string): string => showBeginning(text, SHOWN_CHARACTERS);

/** The score on which moments are compared, from 0 to 1: exact match where anything is ever exact, else overlap. */
function scoreOf({ score }: Sample): number | null {
  return score['rougeL'] ?? score['exact'] ?? null;
}

function shown({ checkpoint, step, sample }: Moment, phase: string, right: boolean, pieces: readonly string[] | undefined): TravelMoment {
  const { kl, klSequence, length } = sample;
  return {
    checkpoint, step, phase, right, label: checkpointLabel(checkpoint), text: cut(sample.text), word: scoreWord(sample),
    score: scoreOf(sample), kl, klSequence, length, ...(pieces ? { pieces: pieces.map(showControlCharacters) } : {}),
  };
}

export interface TravelFacts {
  readonly run: string;
  readonly active: boolean;
  readonly rows: readonly CheckpointRow[];
  /** Samples by side, checkpoints and the teacher. */
  readonly sides: ReadonlyMap<string, readonly Sample[]>;
  /** Tokens of responses, where words are no unit. */
  readonly pieces: ReadonlyMap<Sample, readonly string[]>;
}

export function buildTravel({ run, active, rows, sides, pieces }: TravelFacts, promptId: string, draw: number): TravelState {
  const newest = keptCheckpoints([...sides.keys()]).at(-1);
  const latest = newest === undefined ? [] : (sides.get(newest) ?? []);
  const phases = new Map(rows.map(({ name, phase }) => [name, phase]));
  const travel = travelOf(sides, promptId, draw);
  const teacher = sides.get('teacher')?.find((sample) => sample.promptId === promptId && sample.draw === 0);
  // A prompt that the newest checkpoint was not asked has a name, too.
  const nameOf = namePrompts([...latest, ...(travel ? [travel] : [])]);
  const ids = [...new Set(latest.map((sample) => sample.promptId))];
  const prompts = ids.slice(0, SHOWN_PROMPTS).map((id) => ({ id, label: nameOf(id).label }));
  const none = { run, promptId, label: nameOf(promptId).label, prompts, draw, active } as const;
  if (!travel) {
    const problem = newest === undefined ? 'This run has no samples yet: they come with its first checkpoint.' : 'No checkpoint of this run has answered this prompt.';
    return {
      ...none, prompt: '', draws: [], references: [], teacher: null, moments: [], firstChanged: null, firstRight: null, settled: null, discarded: 0,
      scoreName: 'score', problem,
    };
  }
  const right = (sample: Sample): boolean => sample.score['exact'] === 1 || sample.references.some((one) => one.trim() === sample.text.trim());
  return {
    ...none,
    prompt: cut(travel.prompt),
    draws: [...new Set(latest.filter((sample) => sample.promptId === promptId).map((sample) => sample.draw))].sort((a, b) => a - b),
    references: travel.references.slice(0, 6).map((text) => cut(text)),
    teacher: teacher ? cut(teacher.text) : null,
    moments: travel.moments.map((moment) => shown(moment, phases.get(moment.checkpoint) ?? '', right(moment.sample), pieces.get(moment.sample))),
    firstChanged: travel.firstChanged ?? null,
    firstRight: travel.firstRight ?? null,
    settled: travel.settled ?? null,
    discarded: travel.discarded,
    scoreName: travel.moments.some(({ sample }) => sample.score['rougeL'] !== undefined) ? 'Rouge-L' : 'exact match',
    problem: null,
  };
}
