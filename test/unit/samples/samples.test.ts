import assert from 'node:assert/strict';
import type { Sample, TokenDetail } from '../../../src/contract/generated';
import { showBeginning } from '../../../src/present/text';
import { changeOf, countChanges } from '../../../src/samples/change';
import { diffText, type Stretch, wantsTokens } from '../../../src/samples/diff';
import { drawNames, renderSamples } from '../../../src/samples/document';
import { groupByPrompt, groupDraws, groupPairs } from '../../../src/samples/group';
import { describeSample, numbersOf, scoreWord, verdictOf } from '../../../src/samples/measured';
import { pairSamples } from '../../../src/samples/pair';
import { referenceSamples } from '../../../src/samples/reference';
import { piecesOf } from '../../../src/samples/tokenDetail';
import { seededRandom } from '../random';

function sample(promptId: string, draw: number, text: string, fields: Partial<Sample> = {}): Sample {
  return {
    v: 1, checkpoint: 'step-00000100-a1', step: 100, promptId, prompt: `${promptId}?`, draw, seed: draw === 0 ? null : draw, ids: [1], text, score: {}, kl: 0.5, klSequence: 1.5, repetition: 0,
    length: 3, stop: 'eos', references: ['yes', 'sure'], ...fields,
  };
}

const rejoin = (parts: readonly Stretch[], without: Stretch['kind']): string => parts.filter(({ kind }) => kind !== without).map(({ text }) => text).join('');

describe('pairs of samples', () => {
  it('go by prompt and draw; what one side lacks stands alone', () => {
    const left = [sample('a', 0, 'x'), sample('a', 1, 'y'), sample('b', 0, 'z')];
    const right = [sample('c', 0, 'w'), sample('b', 0, 'z'), sample('a', 1, 'Y')];
    const pairs = pairSamples(left, right);
    assert.deepEqual(pairs.map(({ promptId, draw, left: l, right: r }) => [promptId, draw, l?.text, r?.text]), [
      ['a', 0, 'x', undefined], ['a', 1, 'y', 'Y'], ['b', 0, 'z', 'z'], ['c', 0, undefined, 'w'],
    ]);
    assert.deepEqual(countChanges(pairs), { improved: 0, regressed: 0, changed: 1, same: 1, unpaired: 2 });
  });

  it('are judged by the first score that differs, each in its good direction', () => {
    const judge = (left: Sample['score'], right: Sample['score'], texts = ['a', 'b']): string =>
      changeOf(pairSamples([sample('p', 0, texts[0]!, { score: left })], [sample('p', 0, texts[1]!, { score: right })])[0]!);
    assert.equal(judge({ exact: 0 }, { exact: 1 }), 'improved');
    assert.equal(judge({ exact: 1 }, { exact: 0 }), 'regressed');
    assert.equal(judge({ exact: 0, errorRate: 0.5 }, { exact: 0, errorRate: 0.25 }), 'improved');
    assert.equal(judge({ errorRate: 0.2 }, { errorRate: 0.4 }), 'regressed');
    assert.equal(judge({ rougeL: 0.7 }, { rougeL: 0.8 }), 'improved');
    assert.equal(judge({ exact: 0, rougeL: 0.9 }, { exact: 1, rougeL: 0.1 }), 'improved', 'an exact answer counts first');
    assert.equal(judge({ rougeL: 0.7 }, { rougeL: 0.7 }), 'changed');
    assert.equal(judge({}, {}), 'changed');
    assert.equal(judge({ rougeL: NaN }, { rougeL: 0.7 }), 'changed');
    assert.equal(judge({ rougeL: 0.7 }, { rougeL: 0.7 }, ['a', 'a']), 'same');
  });

  it('can have the references on one side', () => {
    const answers = [sample('a', 0, 'sure'), sample('a', 1, 'no'), sample('b', 0, 'x', { references: [] })];
    assert.deepEqual(referenceSamples(answers).map(({ promptId, draw, text, checkpoint }) => [promptId, draw, text, checkpoint]), [
      ['a', 0, 'sure', 'reference'], ['a', 1, 'yes', 'reference'],
    ]);
  });
});

describe('draws of a prompt', () => {
  it('are grouped when alike, in the order of the first of each', () => {
    const draws = ['x', 'y', 'y', 'z', 'x', 'y'].map((text, draw) => sample('a', draw, text));
    assert.deepEqual(groupDraws(draws).map((group) => group.map(({ draw }) => draw)), [[0, 4], [1, 2, 5], [3]]);
    assert.deepEqual([...groupByPrompt([...draws].reverse()).get('a')!.map(({ draw }) => draw)], [0, 1, 2, 3, 4, 5]);
    const older = ['x', 'x', 'y', 'x'].map((text, draw) => sample('a', draw, text));
    const groups = groupPairs(pairSamples(older, draws.slice(0, 3)));
    assert.deepEqual(groups.map((group) => group.map(({ draw }) => draw)), [[0], [1], [2], [3]], 'both sides count');
    assert.deepEqual([[0], [0, 1, 2], [2, 3]].map(drawNames), ['greedy', 'greedy ×3', 'draw 2 ×2']);
  });
});

describe('what was measured of a response', () => {
  const told = (fields: Partial<Sample>): string => describeSample(sample('a', 0, 'x', fields));

  it('is told in full: scores, KL per token and in all, length, and what went wrong', () => {
    assert.equal(told({ score: { exact: 0, errorRate: 0.25, rougeL: 0.8 } }), 'error rate 25.0 % · Rouge-L 80.0 % · KL 0.500 · sequence KL 1.50 · 3 tokens');
    assert.equal(told({ score: { exact: 1, errorRate: 0, rougeL: 1 }, length: 1 }), 'exact · KL 0.500 · sequence KL 1.50 · 1 token');
    assert.equal(told({ stop: 'length', repetition: 0.4 }), 'KL 0.500 · sequence KL 1.50 · 3 tokens · cut off · repeats itself (40 %)');
    assert.equal(told({ repetition: 0.04 }), 'KL 0.500 · sequence KL 1.50 · 3 tokens', 'now and then a text says something again');
    assert.equal(told({ kl: NaN, klSequence: null }), 'KL NaN · 3 tokens');
  });

  it('is nothing where nothing was', () => {
    const [reference] = referenceSamples([sample('a', 0, 'x', { repetition: 0.5, stop: 'length', score: { rougeL: 0.1 } })]);
    assert.equal(reference && describeSample(reference), '');
    assert.equal(told({ kl: null, klSequence: null, length: 0, stop: 'length' }), '');
  });

  it('is parted into a word that stays while the text does, and numbers beside it', () => {
    const parts = (fields: Partial<Sample>): string[] => [verdictOf, numbersOf, scoreWord].map((part) => part(sample('a', 0, 'x', fields)));
    assert.deepEqual(parts({ score: { exact: 1, rougeL: 1 } }), ['exact', 'KL 0.500, in all 1.50', 'exact']);
    assert.equal(numbersOf(sample('a', 0, 'x', { score: { errorRate: 0.2, rougeL: 0.5 } })), 'error rate 20.0 % · KL 0.500, in all 1.50');
    assert.deepEqual(parts({ score: { exact: 0, rougeL: 0.5 }, stop: 'length', repetition: 0.2 }), [
      'cut off, repeats itself (20 %)', 'Rouge-L 50.0 % · KL 0.500, in all 1.50', 'Rouge-L 50.0 %, cut off, repeats itself (20 %)',
    ]);
  });
});

describe('diff of two responses', () => {
  it('loses nothing of either, whatever they are', () => {
    const random = seededRandom(11);
    const pieces = ['D', 'IH', ' ', '  ', '\n', '. ', 'word', 'größer', '日本', '😀', '\ud800', '<b>', '\u202e', '! '];
    const text = (): string => Array.from({ length: Math.floor(60 * random()) }, () => pieces[Math.floor(pieces.length * random())]!).join('');
    for (let i = 0; i < 400; i++) {
      const [older, newer] = [text(), text()];
      const { parts } = diffText(older, newer);
      assert.equal(rejoin(parts, 'added'), older);
      assert.equal(rejoin(parts, 'removed'), newer);
      assert.ok(parts.every((part) => part.text !== ''));
    }
  });

  it('chooses words, characters or sentences by what is compared', () => {
    assert.deepEqual(diffText('D IH S T', 'D EH S T'), {
      unit: 'word', parts: [{ kind: 'same', text: 'D ' }, { kind: 'removed', text: 'IH' }, { kind: 'added', text: 'EH' }, { kind: 'same', text: ' S T' }],
    });
    assert.equal(diffText('colour', 'color').unit, 'character');
    assert.equal(diffText('東京に行きます', '京都に行きます').unit, 'character');
    const anew = diffText('One is here. Two was gone. Three went off.', 'Nobody came at all. Everything had burnt down. We left quickly then.');
    assert.equal(anew.unit, 'sentence');
    const mended = diffText('One is here. Two was gone. Three went off.', 'One is here. Two was lost. Three went off.');
    assert.equal(mended.unit, 'word');
  });

  it('takes tokens where words are no unit and somebody has them', () => {
    const pieces = (...texts: string[]): string[] => texts;
    const one = { older: pieces('col', 'our'), newer: pieces('col', 'or') };
    assert.deepEqual(diffText('colour', 'color', one), {
      unit: 'token', parts: [{ kind: 'same', text: 'col' }, { kind: 'removed', text: 'our' }, { kind: 'added', text: 'or' }],
    });
    const [older, newer] = ['f(a[0]) => g(b);', 'f(a[1]) => g(b);'];
    assert.ok(wantsTokens(older, newer));
    assert.equal(diffText(older, newer).unit, 'word', 'without tokens code is words');
    assert.equal(diffText(older, newer, { older: older.split(/(?<=\W)/), newer: newer.split(/(?<=\W)/) }).unit, 'token');
    assert.ok(!wantsTokens('D IH S', 'D EH S') && !wantsTokens('Some (short) prose; no code.', 'Some other prose.'));
    const detail = { pieces: [' col', 'our', '</s>'], special: [2] } as unknown as TokenDetail;
    assert.deepEqual([piecesOf(detail, 'colour'), piecesOf(detail, ' colour'), piecesOf(detail, 'color')], [['col', 'our'], [' col', 'our'], undefined]);
  });

  it('gives up on texts that are too long to read, and at once', () => {
    const start = performance.now();
    const { parts } = diffText('a b '.repeat(100_000), 'b a '.repeat(100_000));
    assert.ok(performance.now() - start < 500);
    assert.deepEqual(parts.map(({ kind }) => kind), ['removed', 'added']);
  });
});

describe('samples as a document', () => {
  it('puts the same prompt on the same line at every checkpoint', () => {
    const first = renderSamples([sample('a', 0, 'one'), sample('a', 1, 'two'), sample('b', 0, 'x')]);
    const second = renderSamples([sample('b', 0, 'y'), sample('a', 1, 'three'), sample('a', 0, 'four')].sort((p, q) => p.promptId.localeCompare(q.promptId)));
    const different = first.split('\n').flatMap((line, i) => (line === second.split('\n')[i] ? [] : [line.trim()]));
    assert.deepEqual(different, ['one', 'two', 'x']);
  });

  it('names the prompts where there are several', () => {
    assert.match(renderSamples([sample('a', 0, 'one'), sample('b', 0, 'x')]), /^### a\n\n> a\?\n/);
    assert.match(renderSamples([sample('a', 0, 'one'), sample('a', 1, 'x')]), /^> a\?\n/);
    const numbered = ['1', '2'].map((id) => sample(id, 0, 'one', { prompt: `Translate.\nWord ${id}` }));
    assert.match(renderSamples(numbered), /^### Word 1\n\n> Translate\.\n> Word 1\n[^]*\n### Word 2\n/, 'rows that are only numbered by their words');
  });

  it('says a word beside a response only where there is something to say', () => {
    const draws = [
      sample('a', 0, 'yes', { score: { exact: 1 } }), sample('a', 1, 'no', { score: { exact: 0 } }), sample('a', 2, 'yes and', { stop: 'length', score: { exact: 0 } }),
    ];
    assert.equal(renderSamples(draws), [
      '> a?', 'reference  yes  |  sure', '', 'greedy     exact', '    yes', 'draw 1', '    no', 'draw 2     cut off', '    yes and', '',
    ].join('\n'));
  });

  it('is the same text for the same responses, however their scores moved', () => {
    const [before, after] = [0.4, 0.1].map((kl) => renderSamples([{ ...sample('a', 0, 'one'), kl, score: { exact: 0, rougeL: kl } }]));
    assert.equal(before, after);
  });

  it('shows what would command a terminal or turn the text around', () => {
    const text = renderSamples([sample('a', 0, 'red \u001b[31m and \u202eturned', { prompt: 'p\u0007' })]);
    assert.doesNotMatch(text, /[\u0000-\u0008\u000b-\u001f\u202e]/);
    assert.match(text, /red \\u\{1b\}\[31m and \\u\{202e\}turned/);
    const odd = renderSamples([sample('a', 0, 'a\u2028b\u200bc\ud800d\u{e0041} 👩\u200d🔬 \ufffd')]);
    assert.ok(odd.includes('a\\u{2028}b\\u{200b}c\\u{d800}d\\u{e0041} 👩\u200d🔬 \ufffd'), odd);
    assert.equal(showBeginning('ab😀', 3), 'ab … (2 more characters)');
  });
});
