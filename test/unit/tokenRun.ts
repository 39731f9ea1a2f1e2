import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';

/** Samples of one prompt with their tokens, as the trainer writes them. */
export function writeSamples(dir: string, checkpoint: string, draws: readonly (readonly string[])[], promptId = 'p'): void {
  const samples = path.join(dir, 'samples');
  mkdirSync(samples, { recursive: true });
  const rows = draws.map((pieces, draw) => ({
    v: 1, checkpoint, step: 1, promptId, prompt: '?', draw, seed: null, ids: pieces.map((_, at) => at), text: pieces.join(''), score: { rougeL: 0.5 },
    kl: null, klSequence: null, repetition: 0, length: pieces.length, stop: 'eos', references: ['r'],
  }));
  const lines = (records: readonly object[]): string => records.map((record) => `${JSON.stringify(record)}\n`).join('');
  writeFileSync(path.join(samples, `${checkpoint}.jsonl`), lines(rows));
  const details = draws.map((pieces, draw) => lines([{
    v: 1, checkpoint, step: 1, promptId, prompt: '?', kind: 'draw', draw, ids: pieces.map((_, at) => at), pieces, special: [], top: pieces.map(() => []), names: {},
  }]));
  let offset = 0;
  const index = details.map((line, draw) => {
    const length = Buffer.byteLength(line);
    offset += length;
    return { promptId, kind: 'draw', draw, offset: offset - length, length };
  });
  writeFileSync(path.join(samples, `${checkpoint}.tokens.jsonl`), details.join(''));
  writeFileSync(path.join(samples, `${checkpoint}.tokens.index`), JSON.stringify({ v: 1, bytes: offset, lines: index }));
}
