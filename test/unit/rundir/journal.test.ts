import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { Journal } from '../../../src/rundir/journal';
import { RunDir } from '../../../src/rundir/layout';
import { temporaryFolder } from '../../harness/paths';

const entry = (seq: number) => ({
  v: 1, seq, t: seq, attempt: 1, kind: 'message', text: 'x'.repeat(1000), rule: null, numbers: null, state: null, control: null, signal: null, exitCode: null,
});

describe('the journal', () => {
  it('has each entry once and in order, however many ask at the same time, and reads none twice', async function once() {
    this.timeout(5000);
    const dir = path.join(temporaryFolder('journal'), '20260101-000000-j');
    mkdirSync(dir);
    const { journal: file } = new RunDir(dir);
    // More than one slice of the reader.
    const seqs = Array.from({ length: 3000 }, (_, seq) => seq);
    writeFileSync(file, seqs.map((seq) => `${JSON.stringify(entry(seq))}\n`).join(''));
    const journal = new Journal(dir);
    await Promise.all(Array.from({ length: 5 }, () => journal.refresh()));
    assert.deepEqual(journal.entries.map(({ seq }) => seq), seqs);
  });
});
