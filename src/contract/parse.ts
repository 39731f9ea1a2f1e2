import type { Event, JournalEntry } from './generated';
import { eventShapes, isNumber, isText } from './shape';

/** Highest record version that this code writes and understands. */
export const VERSION = 1;

/** An event of a kind that this version does not know: kept, shown nowhere, never an error. */
export interface UnknownEvent {
  readonly v: number;
  readonly seq: number;
  readonly t: number;
  readonly attempt: number;
  readonly kind: string;
}

export type Parsed<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly reason: string };

const notFinite: Readonly<Record<string, number>> = { NaN: NaN, Infinity: Infinity, '-Infinity': -Infinity };

/** Names under which numbers appear; only there is the string "NaN" a number and not a word that a model wrote. */
const numeric = new Set(['t', 'value', 'kl', 'klSequence', 'repetition', 'eta', 'heartbeat', 'nextHeartbeatBy', 'stopDeadline', 'started', 'created', 'seconds', 'done', 'total', 'temperature']);

function revive(node: unknown, inMetrics: boolean): unknown {
  if (Array.isArray(node)) return node;
  if (node === null || typeof node !== 'object') return node;
  const out = node as Record<string, unknown>;
  for (const [key, value] of Object.entries(out)) {
    if (typeof value === 'string') {
      const number = notFinite[value];
      if (number !== undefined && (inMetrics || numeric.has(key))) out[key] = number;
    } else if (key === 'metrics' || key === 'score') {
      revive(value, true);
    }
  }
  return out;
}

/**
 * Parses one JSON record and turns "NaN" and its like back into numbers.
 * Refuses what is not an object, and what a newer version wrote.
 */
export function parseRecord(text: string): Parsed<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { ok: false, reason: 'not JSON' };
  }
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return { ok: false, reason: 'not a JSON object' };
  const record = value as Record<string, unknown>;
  const { v } = record;
  if (typeof v === 'number' && v > VERSION) {
    return { ok: false, reason: `written by a newer version of MiniLLM (record version ${v}, this one reads up to ${VERSION}); update the extension to read it` };
  }
  return { ok: true, value: revive(record, false) as Record<string, unknown> };
}

export function isKnown(event: Event | UnknownEvent): event is Event {
  return Object.hasOwn(eventShapes, event.kind);
}

/** What the head of an event or journal entry lacks: order and time come before everything else. */
function missingHead(record: Record<string, unknown>): string | undefined {
  if (!Number.isSafeInteger(record['seq']) || Number(record['seq']) < 0) return 'no whole number "seq"';
  return ['t', 'attempt'].filter((key) => !isNumber(record[key])).map((key) => `no number "${key}"`)[0];
}

/** Parses one line of events.jsonl. Unknown kinds pass; a known kind that lacks a field is refused with its name. */
export function parseEvent(line: string): Parsed<Event | UnknownEvent> {
  const parsed = parseRecord(line);
  if (!parsed.ok) return parsed;
  const record = parsed.value;
  const missing = missingHead(record);
  if (missing !== undefined) return { ok: false, reason: missing };
  const { kind } = record;
  if (typeof kind !== 'string') return { ok: false, reason: 'no "kind"' };
  const fields = Object.hasOwn(eventShapes, kind) ? eventShapes[kind as Event['kind']] : {};
  for (const [key, holds] of Object.entries(fields)) {
    if (!holds(record[key])) return { ok: false, reason: `a ${kind} event without a valid "${key}"` };
  }
  return { ok: true, value: record as unknown as Event };
}

/** Parses one line of journal.jsonl. */
export function parseJournalEntry(line: string): Parsed<JournalEntry> {
  const parsed = parseRecord(line);
  if (!parsed.ok) return parsed;
  const missing = missingHead(parsed.value);
  if (missing !== undefined) return { ok: false, reason: missing };
  if (!isText(parsed.value['kind']) || !isText(parsed.value['text'])) return { ok: false, reason: 'no "kind" or no "text"' };
  return { ok: true, value: parsed.value as unknown as JournalEntry };
}
