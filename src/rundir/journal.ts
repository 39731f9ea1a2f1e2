import type { JournalEntry } from '../contract/generated';
import { parseJournalEntry } from '../contract/parse';
import { RunDir } from './layout';
import { Tail, type TailRead } from './tail';

/** A journal that this user may not read is as good as none: the run is there all the same. */
function orNone(error: unknown): TailRead {
  if (!['EACCES', 'EPERM'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
  return { lines: [], restarted: false, more: false, skipped: 0 };
}

/** What the supervisor noted down, in order, each entry once. Lines that cannot be read are left out. */
export class Journal {
  private readonly tail: Tail;
  private known: JournalEntry[] = [];
  private reading: Promise<readonly JournalEntry[]> | undefined;

  constructor(dir: string) {
    this.tail = new Tail(new RunDir(dir).journal);
  }

  get entries(): readonly JournalEntry[] {
    return this.known;
  }

  /** Reads what is new. Calls at the same time share one reading. */
  refresh(): Promise<readonly JournalEntry[]> {
    this.reading ??= this.readNews().finally(() => (this.reading = undefined));
    return this.reading;
  }

  private async readNews(): Promise<readonly JournalEntry[]> {
    for (let more = true; more; ) {
      const news = await this.tail.read().catch(orNone);
      if (news.restarted) this.known = [];
      for (const line of news.lines) {
        const parsed = parseJournalEntry(line);
        if (parsed.ok && parsed.value.seq > (this.known.at(-1)?.seq ?? -1)) this.known.push(parsed.value);
      }
      ({ more } = news);
    }
    return this.known;
  }
}

export async function readJournal(dir: string): Promise<readonly JournalEntry[]> {
  return new Journal(dir).refresh();
}
