import assert from 'node:assert/strict';
import { appendFileSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { Tail } from '../../../src/rundir/tail';
import { temporaryFolder } from '../../harness/paths';
import { seededRandom } from '../random';

async function readAll(tail: Tail): Promise<{ lines: string[]; restarted: boolean; skipped: number }> {
  const lines: string[] = [];
  let restarted = false;
  let skipped = 0;
  for (let more = true; more; ) {
    const news = await tail.read();
    if (news.restarted) lines.length = 0;
    restarted ||= news.restarted;
    skipped += news.skipped;
    lines.push(...news.lines);
    ({ more } = news);
  }
  return { lines, restarted, skipped };
}

describe('Tail', () => {
  let file: string;
  beforeEach(() => (file = path.join(temporaryFolder('tail'), 'events.jsonl')));
  afterEach(() => rmSync(path.dirname(file), { recursive: true }));

  it('has no lines while there is no file', async () => {
    assert.deepEqual(await new Tail(file).read(), { lines: [], restarted: false, more: false, skipped: 0 });
  });

  it('gives every line once and whole, however the bytes come in', async () => {
    const random = seededRandom(3);
    const lines = Array.from({ length: 500 }, (_, i) => `${i} ${'äöü→😀x'.repeat(Math.floor(20 * random()))}`);
    const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(''));
    const tail = new Tail(file);
    const seen: string[] = [];
    for (let at = 0; at < bytes.length; ) {
      const next = Math.min(bytes.length, at + 1 + Math.floor(300 * random()));
      appendFileSync(file, bytes.subarray(at, next));
      at = next;
      seen.push(...(await readAll(tail)).lines);
    }
    assert.deepEqual(seen, lines);
  });

  it('waits for the end of a torn last line', async () => {
    const tail = new Tail(file);
    writeFileSync(file, 'one\ntw');
    assert.deepEqual((await readAll(tail)).lines, ['one']);
    appendFileSync(file, 'o\nthree');
    assert.deepEqual((await readAll(tail)).lines, ['two']);
    appendFileSync(file, '\n');
    assert.deepEqual((await readAll(tail)).lines, ['three']);
  });

  it('skips a line of 10 MB, says so, and goes on after it', async () => {
    writeFileSync(file, `before\n${'x'.repeat(10 << 20)}\nafter\n`);
    assert.deepEqual(await readAll(new Tail(file)), { lines: ['before', 'after'], restarted: false, skipped: 1 });
  });

  it('reads on through bytes that are not UTF-8', async () => {
    writeFileSync(file, Buffer.concat([Buffer.from('a\n'), Buffer.from([0xff, 0xfe, 0x00, 0x0a]), Buffer.from('b\n')]));
    const { lines } = await readAll(new Tail(file));
    assert.deepEqual([lines[0], lines.at(-1)], ['a', 'b']);
  });

  it('begins anew when the file shrank, was replaced, or was rewritten in place', async () => {
    const tail = new Tail(file);
    writeFileSync(file, 'one\ntwo\n');
    await readAll(tail);
    truncateSync(file, 4);
    assert.deepEqual(await readAll(tail), { lines: ['one'], restarted: true, skipped: 0 });

    writeFileSync(`${file}.new`, 'another\nfile\n');
    renameSync(`${file}.new`, file);
    assert.deepEqual(await readAll(tail), { lines: ['another', 'file'], restarted: true, skipped: 0 });

    writeFileSync(file, 'the same inode\nand more of it\n'); // longer than before: neither size nor inode tell
    assert.deepEqual(await readAll(tail), { lines: ['the same inode', 'and more of it'], restarted: true, skipped: 0 });
  });
});
