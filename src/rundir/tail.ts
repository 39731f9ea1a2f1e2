import type { FileHandle } from 'node:fs/promises';
import { openPlain } from './plainFile';

const SLICE = 1 << 20;
/** A line longer than this is given up: the rest of it is skipped, and the reader says so. */
const LONGEST_LINE = 8 << 20;
/** What cannot hold lines of ours holds none: no file, a link, a pipe. */
const absent: ReadonlySet<string | undefined> = new Set(['ENOENT', 'ELOOP', 'ENOTFILE', 'ENXIO']);
/** Bytes before the cursor that are looked at again, to see that they are still the same. */
const MARK = 64;

export interface TailRead {
  /** Whole new lines, without their ends. */
  readonly lines: string[];
  /** The file was replaced, rewritten or shrank: everything is read anew, and what was folded before must be dropped. */
  readonly restarted: boolean;
  /** More is there: read again. */
  readonly more: boolean;
  /** Lines that were skipped for their length. */
  readonly skipped: number;
}

/**
 * Reads a growing file of lines from where it left off. A last line without an end is not there yet.
 * The bytes of an unfinished line are kept, not read again; decoding happens by whole lines, so that
 * no character is torn.
 */
export class Tail {
  private offset = 0;
  private inode: bigint | undefined;
  /** The bytes that lie before the cursor: inodes are used again, so the number alone does not tell a file. */
  private mark: Buffer = Buffer.alloc(0);
  private rest: Buffer[] = [];
  private restLength = 0;
  private skipping = false;

  constructor(readonly path: string) {}

  /** Reads at most 1 MB. A file that does not exist (yet) has no lines. */
  async read(): Promise<TailRead> {
    let file: FileHandle;
    try {
      file = await openPlain(this.path);
    } catch (error) {
      if (absent.has((error as NodeJS.ErrnoException).code)) return { lines: [], restarted: false, more: false, skipped: 0 };
      throw error;
    }
    try {
      const stat = await file.stat({ bigint: true });
      const size = Number(stat.size);
      const grew = size > this.offset;
      const restarted = this.inode !== undefined && (this.inode !== stat.ino || size < this.offset || (grew && !(await this.isSame(file))));
      if (restarted) this.rewind();
      this.inode = stat.ino;
      const wanted = Math.min(SLICE, size - this.offset);
      if (wanted <= 0) return { lines: [], restarted, more: false, skipped: 0 };
      const buffer = Buffer.alloc(wanted);
      const { bytesRead } = await file.read(buffer, 0, wanted, this.offset);
      const bytes = buffer.subarray(0, bytesRead);
      this.offset += bytesRead;
      this.mark = Buffer.concat([this.mark, bytes.subarray(-MARK)]).subarray(-MARK);
      const { lines, skipped } = this.split(bytes);
      return { lines, restarted, more: this.offset < size, skipped };
    } finally {
      await file.close();
    }
  }

  private async isSame(file: FileHandle): Promise<boolean> {
    const { length } = this.mark;
    const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, this.offset - length);
    return bytesRead === length && buffer.equals(this.mark);
  }

  private rewind(): void {
    this.offset = 0;
    this.mark = Buffer.alloc(0);
    this.rest = [];
    this.restLength = 0;
    this.skipping = false;
  }

  private split(bytes: Buffer): { lines: string[]; skipped: number } {
    const lines: string[] = [];
    let skipped = 0;
    let start = 0;
    for (let end = bytes.indexOf(10); end !== -1; end = bytes.indexOf(10, start)) {
      if (this.skipping) {
        this.skipping = false;
      } else {
        this.rest.push(bytes.subarray(start, end));
        const line = Buffer.concat(this.rest).toString('utf8');
        if (line.trim() !== '') lines.push(line);
      }
      this.rest = [];
      this.restLength = 0;
      start = end + 1;
    }
    if (start < bytes.length && !this.skipping) {
      this.rest.push(bytes.subarray(start));
      this.restLength += bytes.length - start;
      if (this.restLength > LONGEST_LINE) {
        this.rest = [];
        this.restLength = 0;
        this.skipping = true;
        skipped++;
      }
    }
    return { lines, skipped };
  }
}
