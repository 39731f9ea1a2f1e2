/* A response as a text in which every token has its place, and its twin as a table. */
import type { Sample, TokenDetail } from '../contract/generated';
import { checkpointLabel } from '../present/labels';
import { formatNumber, formatShare } from '../present/numbers';
import { formatTable } from '../present/table';
import { showControlCharacters } from '../present/text';
import { drawName } from './document';
import { faultsOf, scoresOf } from './measured';
import { type Token, tokensOf } from './tokenDetail';
import { dearestTokens, levelOf, levels, type Level, type Measure, measureLooks, valuesOf } from './tokens';

/** A stretch of the document, in UTF-16 units: `start` counts, `end` does not. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

export interface TokenSpan extends Span {
  /** Place of the token in the response. */
  readonly place: number;
  /** Where what can be seen of it begins: a space in front is the token's, too, but colour would glue it to its neighbour. */
  readonly ink: number;
  readonly level: Level;
}

export interface Swatch extends Span {
  readonly level: Level;
}

export interface TokenDocument {
  readonly text: string;
  readonly tokens: readonly Token[];
  readonly values: readonly (number | undefined)[];
  readonly spans: readonly TokenSpan[];
  /** The legend's swatches. */
  readonly swatches: readonly Swatch[];
}

/** More tokens than anybody reads in colour; the table twin ends there, too. */
export const SHOWN_TOKENS = 4000;
/** Characters of one token that are shown: one token may be a megabyte. */
const SHOWN_CHARACTERS = 2000;
const LONGEST_NAME = 40;

/** A token on its own, in a list or a table: what cannot be seen becomes a sign, and it never takes a second line. */
export function visibleToken(text: string): string {
  if (text === '') return '(nothing)';
  const cut = text.length > LONGEST_NAME ? `${text.slice(0, LONGEST_NAME)}…` : text;
  return showControlCharacters(cut).replace(/\n/g, '⏎').replace(/\t/g, '⇥').replace(/^ +| +$/g, (spaces) => '␣'.repeat(spaces.length));
}

/** As part of the running text. A line break stays one, after a sign that can be coloured. */
function inText(token: Token): string {
  if (token.special) return `⟨${visibleToken(token.text)}⟩`;
  if (token.partial) return '▯';
  const cut = token.text.length > SHOWN_CHARACTERS ? `${token.text.slice(0, SHOWN_CHARACTERS)}…` : token.text;
  return showControlCharacters(cut).replace(/\n/g, '⏎\n');
}

/** A response to be read token by token, and what else its checkpoint keeps of it. */
export interface TokenSource {
  readonly detail: TokenDetail;
  /** What its prompt is called. */
  readonly called: string;
  /** Undefined where it cannot be read. */
  readonly sample: Sample | undefined;
}

const titleOf = ({ detail: { checkpoint, kind, draw }, called }: TokenSource): string =>
  `${called} · ${checkpointLabel(checkpoint)} · ${kind === 'reference' ? 'reference' : drawName(draw)}`;

/** To the thousandth of a nat: what is less is nothing. */
export const nats = (value: number | undefined): string =>
  (value === undefined ? '–' : Math.abs(value) < 1e-3 ? formatNumber(Math.round(value * 1e3) / 1e3 || 0) : formatNumber(value));
const share = (logp: number | undefined): string => (logp === undefined ? '–' : formatShare(Math.exp(logp)));

/** Sequence KL, length and what cost most, each on a line. */
function summary({ detail, sample }: TokenSource, tokens: readonly Token[]): string[] {
  const known = tokens.filter(({ kl }) => kl !== undefined);
  const kl = known.reduce((sum, token) => sum + (token.kl ?? 0), 0);
  const measured = known.length > 0 ? `sequence KL ${formatNumber(kl)} nats · ` : '';
  const size = `${tokens.length} token${tokens.length === 1 ? '' : 's'}`;
  const scores = sample === undefined ? [] : [...scoresOf(sample), ...faultsOf(sample)];
  const dear = dearestTokens(tokens).map(({ place, cost }) => {
    const token = tokens[place];
    return `${visibleToken(token?.text === '' ? token.name : (token?.text ?? ''))} ${formatNumber(cost)}`;
  });
  const lines = [[`${measured}${size}`, ...scores].join(' · ')];
  if (dear.length > 0) lines.push(`cost most  ${dear.join('  ·  ')}`);
  if (detail.logpStudent === null) lines.push('the teacher\'s own words: nothing to compare them with');
  return lines;
}

/** The legend in the document's own words: "−2  −0.7  −0.1   +0.1  +0.7  +2", each number a swatch. */
function legend(measure: Measure): { readonly line: string; readonly swatches: readonly Swatch[] } {
  const { label, steps, twoSided } = measureLooks[measure];
  let line = `${label}, nats  `;
  const swatches: Swatch[] = [];
  const ordered = twoSided ? levels : levels.filter((level) => level < 0).toReversed();
  for (const level of ordered) {
    const step = steps[(Math.abs(level) - 1) as 0 | 1 | 2];
    const text = twoSided ? ` ${level < 0 ? '≤ −' : '≥ +'}${step} ` : ` ≥ ${step} `;
    swatches.push({ start: line.length, end: line.length + text.length, level });
    line += `${text} `;
  }
  return { line: line.slice(0, -1), swatches };
}

/** The document of the token lens. Its text depends on the address alone, so that it can be diffed and comes back after a reload. */
export function renderTokens(source: TokenSource, measure: Measure): TokenDocument {
  const { detail, sample } = source;
  const all = tokensOf(detail);
  const tokens = all.slice(0, SHOWN_TOKENS);
  const values = valuesOf(all, measure).slice(0, SHOWN_TOKENS);
  const head = [
    titleOf(source),
    ...showControlCharacters(detail.prompt).split('\n').map((line) => `> ${line}`),
    ...(sample && sample.references.length > 0 ? [`reference  ${sample.references.map(showControlCharacters).join('  |  ')}`] : []),
    '',
    ...summary(source, all),
  ];
  const { line, swatches } = legend(measure);
  const before = `${head.join('\n')}\n`;
  const above = `${before}${line}\n\n`;
  let text = above;
  const spans = tokens.map((token, place): TokenSpan => {
    const start = text.length;
    const shown = inText(token);
    text += shown;
    const ink = shown.trimStart() === '' ? start : text.length - shown.trimStart().length;
    return { place, start, ink, end: text.length, level: levelOf(values[place], measure) };
  });
  if (all.length === 0) text += '(no tokens)';
  if (all.length > tokens.length) text += `\n\n(${all.length - tokens.length} more tokens are left out)`;
  const shifted = swatches.map(({ start, end, level }) => ({ start: before.length + start, end: before.length + end, level }));
  return { text: `${text}\n`, tokens, values, spans, swatches: shifted };
}

const likeliest = (token: Token, who: 'student' | 'teacher'): string => {
  const [best] = token.alternatives.filter((one) => one[who] !== undefined).toSorted((a, b) => (b[who] ?? 0) - (a[who] ?? 0));
  return best === undefined ? '–' : `${visibleToken(best.name)} ${formatShare(best[who] ?? 0)}`;
};

/** Everything that colour and hover say, as lines of text: for screen readers, and for those who search. */
export function renderTokenTable(source: TokenSource): string {
  const all = tokensOf(source.detail);
  const tokens = all.slice(0, SHOWN_TOKENS);
  const [gap, reward] = [valuesOf(tokens, 'gap'), valuesOf(all, 'reward')];
  const right = (head: string): { head: string; align: 'right' } => ({ head, align: 'right' });
  const left = (head: string): { head: string; align: 'left' } => ({ head, align: 'left' });
  const columns = [
    right('#'), left('token'), right('student'), right('teacher'), right('gap'), right('KL'), right('entropy\nstudent'), right('entropy\nteacher'),
    right('reward\nfrom here'), left('student\nprefers'), left('teacher\nprefers'),
  ];
  const rows = tokens.map((token, place) => [
    String(place + 1), visibleToken(token.text === '' ? token.name : token.text), share(token.logpStudent), share(token.logpTeacher), nats(gap[place]),
    nats(token.kl), nats(token.entropyStudent), nats(token.entropyTeacher), nats(reward[place]), likeliest(token, 'student'), likeliest(token, 'teacher'),
  ]);
  const more = all.length > tokens.length ? ['', `(${all.length - tokens.length} more tokens are left out)`] : [];
  return `${[titleOf(source), ...summary(source, all), '', ...formatTable(columns, rows), ...more].join('\n')}\n`;
}
