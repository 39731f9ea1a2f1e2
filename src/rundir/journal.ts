import type { JournalEntry } from '../contract/generated';
import { parseJournalEntry } from '../contract/parse';
import { RunDir } from './layout';
import { Tail } from './tail';

/** What the supervisor noted down, in order, each entry once. Lines that cannot be read are left out. */
export async function readJournal(dir: string): Promise<JournalEntry[]> {
  const tail = new Tail(new RunDir(dir).journal);
  const entries: JournalEntry[] = [];
  for (let more = true; more; ) {
    const news = await tail.read();
    for (const line of news.lines) {
      const parsed = parseJournalEntry(line);
      if (parsed.ok && parsed.value.seq > (entries.at(-1)?.seq ?? -1)) entries.push(parsed.value);
    }
    ({ more } = news);
  }
  return entries;
}
