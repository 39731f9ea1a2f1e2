import assert from 'node:assert/strict';
import type { Sample, TokenDetail } from '../../../src/contract/generated';
import { tokensOf } from '../../../src/samples/tokenDetail';
import { renderTokens, renderTokenTable, SHOWN_TOKENS, type TokenSource, visibleToken } from '../../../src/samples/tokenDocument';
import { dearestTokens, levelOf, measures, valuesOf, worstTokens } from '../../../src/samples/tokens';

/** Detail of a response with these pieces; numbers are made up but for what a test gives. */
function detail(pieces: readonly string[], fields: Partial<TokenDetail> = {}): TokenDetail {
  const each = (value: number): number[] => pieces.map(() => value);
  return {
    v: 1, checkpoint: 'step-00000200-a1', step: 200, promptId: 'p', prompt: 'what?', kind: 'draw', draw: 0,
    ids: pieces.map((_, place) => place), pieces: [...pieces], special: [],
    logpStudent: each(-0.5), logpTeacher: each(-0.5), entropyStudent: each(0.3), entropyTeacher: each(0.2), kl: each(0.1),
    reward: each(0), top: pieces.map((_, place) => [[place, -0.5, -0.5], [99, -1, -0.1]]),
    names: { ...Object.fromEntries(pieces.map((piece, place) => [place, piece])), 99: ' other' }, ...fields,
  };
}

describe('tokens of a response', () => {
  it('have the numbers of their own place, and none where nothing was measured', () => {
    const tokens = tokensOf(detail(['a', 'b', 'c'], { logpTeacher: [-1, -2], entropyTeacher: null, kl: ['NaN', 0.5, 0.25] as unknown as number[] }));
    assert.deepEqual(tokens.map(({ logpTeacher }) => logpTeacher), [-1, -2, undefined]);
    assert.deepEqual(tokens.map(({ entropyTeacher }) => entropyTeacher), [undefined, undefined, undefined]);
    assert.deepEqual(tokens.map(({ kl }) => kl), [undefined, 0.5, 0.25]);
    assert.deepEqual(tokens[0]?.alternatives.map(({ id, name }) => [id, name]), [[99, ' other'], [0, 'a']], 'what the teacher prefers comes first');
  });

  it('are measured by gap, surprise, entropy and the reward that follows', () => {
    const tokens = tokensOf(detail(['a', 'b'], { logpStudent: [-0.1, -3], logpTeacher: [-2.1, -1], reward: [-2, 2], entropyStudent: [0.05, 1] }));
    const rounded = (values: readonly (number | undefined)[]): number[] => values.map((value) => Math.round((value ?? NaN) * 100) / 100);
    assert.deepEqual(rounded(valuesOf(tokens, 'gap')), [-2, 2]);
    assert.deepEqual(rounded(valuesOf(tokens, 'surprise')), [0.1, 3]);
    assert.deepEqual(rounded(valuesOf(tokens, 'entropy')), [0.05, 1]);
    assert.deepEqual(rounded(valuesOf(tokens, 'reward')), [0, 2], 'the mean from the token to the end');
  });

  it('get at most six colours, on two sides where a measure has two', () => {
    const values = [-9, -1, -0.2, 0, 0.2, 0.5, 1, 9, undefined];
    const seen = new Set(measures.flatMap((measure) => values.map((value) => levelOf(value, measure))));
    assert.deepEqual([...seen].sort((a, b) => a - b), [-3, -2, -1, 0, 1, 2, 3]);
    assert.equal(levelOf(9, 'surprise'), -3, 'more surprise is worse');
    assert.equal(levelOf(9, 'gap'), 3);
    assert.equal(levelOf(undefined, 'gap'), 0);
  });

  it('are ranked by harm: only those that stand out, the worst first', () => {
    assert.deepEqual(worstTokens([0.1, -3, undefined, -0.5, 2, -0.01], 'gap'), [1, 3]);
    assert.deepEqual(worstTokens([0.1, 3, undefined, 0.5], 'surprise'), [1, 3]);
    const tokens = tokensOf(detail(['a', 'b', 'c', 'd', 'e'], { kl: [0.1, 2, 0, 0.7, 0.2] }));
    assert.deepEqual(dearestTokens(tokens).map(({ place }) => place), [1, 3, 4]);
  });
});

const source = (detail: TokenDetail, sample?: Sample): TokenSource => ({ detail, called: 'what?', sample });

const hostile = [
  '<img src=x onerror=alert(1)>', '\u001b[31mred\u001b[0m', '\u202eturned', '\ud800', '\udfff x', '**bold** [a](b)', 'a\r\nb', '\n', '\t', '', '日', '😀', ' ', '$(zap)', '| a | b |', '\u0000',
];

describe('the document of tokens', () => {
  it('gives every token a place of its own, in order, whatever a model wrote', () => {
    const { text, spans } = renderTokens(source(detail(hostile)), 'gap');
    assert.equal(spans.length, hostile.length);
    let last = 0;
    for (const { start, end } of spans) {
      assert.ok(start >= last && end > start, 'a token that is empty has a sign to be coloured');
      last = end;
    }
    assert.doesNotMatch(text, /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/);
    assert.ok(text.includes('\\u{202e}turned'));
    assert.ok(text.includes('▯日'), 'half a character stands before the whole one');
  });

  it('is the response, without the marks, where nothing needs one', () => {
    const { text, spans } = renderTokens(source(detail(['K', ' AA', ' F', '</s>'], { special: [3] })), 'gap');
    assert.equal(text.slice(spans[0]?.start, spans.at(-1)?.end), 'K AA F⟨</s>⟩');
    assert.equal(text.slice(spans[1]?.start, spans[1]?.end), ' AA');
  });

  it('heads the text with sequence KL, length and the three tokens that cost most', () => {
    const sample = { references: ['K AO F'], score: { exact: 0 }, kl: 0.5, length: 4, stop: 'eos' } as unknown as Sample;
    const { text } = renderTokens(source(detail(['K', ' AA', ' F', 'x'], { kl: [0, 1.5, 0.25, 0.125] }), sample), 'gap');
    assert.match(text, /^what\? · step 200 · greedy\n> what\?\n/, 'first what the prompt is called');
    assert.match(text, /sequence KL 1\.88 nats · 4 tokens$/m);
    assert.match(text, /cost most {2}␣AA 1\.50 {2}· {2}␣F 0\.250 {2}· {2}x 0\.125/);
    assert.match(text, /reference {2}K AO F/);
    assert.match(text, /teacher–student gap, nats .*≤ −2.*≥ \+2/);
  });

  it('has a legend whose swatches are where its numbers are', () => {
    for (const measure of measures) {
      const { text, swatches } = renderTokens(source(detail(['a'])), measure);
      assert.ok(swatches.length <= 8);
      for (const { start, end } of swatches) assert.match(text.slice(start, end), /^ [≤≥] [−+]?[\d.]+ $/);
    }
  });

  it('shows no tokens, a megabyte in one token, and thousands of tokens', () => {
    assert.match(renderTokens(source(detail([])), 'gap').text, /0 tokens[^]*\(no tokens\)/);
    const large = renderTokens(source(detail(['x'.repeat(1_000_000)])), 'gap');
    assert.ok(large.text.length < 10_000);
    const started = performance.now();
    const many = renderTokens(source(detail(Array.from({ length: 50_000 }, () => 'ab '))), 'surprise');
    assert.ok(performance.now() - started < 2000);
    assert.equal(many.spans.length, SHOWN_TOKENS);
    assert.match(many.text, /46000 more tokens are left out/);
  });

  it('has a twin that says in words what colours and hovers say', () => {
    const table = renderTokenTable(source(detail(['K', '\n', ''], { names: { 0: 'K', 1: '\n', 2: '\\xe6', 99: ' other' } })));
    assert.match(table, /^what\? · step 200 · greedy\n/);
    const rows = table.trimEnd().split('\n').slice(-3);
    assert.match(rows[0] ?? '', /^1 +K +60\.7 % +60\.7 % .*␣other 90\.5 %$/);
    assert.match(rows[1] ?? '', /⏎/);
    assert.match(rows[2] ?? '', /\\xe6/);
  });

  it('never lets a token take a second line or hide where it is listed', () => {
    for (const piece of hostile) assert.doesNotMatch(visibleToken(piece), /[\n\r\t\u001b\u202e]|^ | $|^$/);
  });
});
