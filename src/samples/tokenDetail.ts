import type { TokenDetail } from '../contract/generated';

/** A token that one of the models might have said in this place. Probabilities; undefined where that model did not look. */
export interface Alternative {
  readonly id: number;
  readonly name: string;
  readonly student: number | undefined;
  readonly teacher: number | undefined;
}

/** One token of a response, in nats; undefined is what nobody measured. */
export interface Token {
  readonly id: number;
  /** The text that it adds. */
  readonly text: string;
  /** No text but a sign, like the end. */
  readonly special: boolean;
  /** Ends inside a character: the text comes with a later token. */
  readonly partial: boolean;
  readonly name: string;
  readonly logpStudent: number | undefined;
  readonly logpTeacher: number | undefined;
  readonly entropyStudent: number | undefined;
  readonly entropyTeacher: number | undefined;
  readonly kl: number | undefined;
  readonly reward: number | undefined;
  /** The likeliest of both models, what the teacher prefers first. */
  readonly alternatives: readonly Alternative[];
}

const finite = (value: unknown): number | undefined => (typeof value === 'number' && Number.isFinite(value) ? value : undefined);
const probability = (logp: unknown): number | undefined => {
  const value = finite(logp);
  return value === undefined ? undefined : Math.exp(value);
};
const at = (list: readonly unknown[] | null | undefined, place: number): number | undefined => finite(list?.[place]);

function alternativesOf(row: unknown, names: TokenDetail['names']): Alternative[] {
  const found = (Array.isArray(row) ? row : []).flatMap((entry: unknown): Alternative[] => {
    const [id, student, teacher] = Array.isArray(entry) ? (entry as unknown[]) : [];
    if (typeof id !== 'number') return [];
    return [{ id, name: names[id] ?? `#${id}`, student: probability(student), teacher: probability(teacher) }];
  });
  return found.sort((a, b) => (b.teacher ?? 0) - (a.teacher ?? 0) || (b.student ?? 0) - (a.student ?? 0));
}

/** The tokens of a line of token detail. What is missing or of another length is undefined, never shifted. */
export function tokensOf(detail: TokenDetail): Token[] {
  const special = new Set(detail.special);
  return detail.ids.map((id, place): Token => {
    const text = detail.pieces[place] ?? '';
    return {
      id,
      text,
      special: special.has(place),
      partial: text === '' && !special.has(place),
      name: detail.names[id] ?? text,
      logpStudent: at(detail.logpStudent, place),
      logpTeacher: at(detail.logpTeacher, place),
      entropyStudent: at(detail.entropyStudent, place),
      entropyTeacher: at(detail.entropyTeacher, place),
      kl: at(detail.kl, place),
      reward: at(detail.reward, place),
      alternatives: alternativesOf(detail.top[place], detail.names),
    };
  });
}

/**
 * The pieces that make up a response's text, one per token; undefined when they do not, since half of a character is left.
 * Space around the text belongs to tokens and not to it: it is cut off.
 */
export function piecesOf({ pieces, special }: TokenDetail, text: string): string[] | undefined {
  const signs = new Set(special);
  const shown = pieces.filter((_, place) => !signs.has(place));
  const start = shown.join('').indexOf(text);
  if (start < 0) return undefined;
  let at = -start;
  return shown.flatMap((piece) => {
    const own = piece.slice(Math.max(0, -at), Math.max(0, text.length - at));
    at += piece.length;
    return own === '' ? [] : [own];
  });
}
