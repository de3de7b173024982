import { HEADER_BYTES, type JournalRecord, readRecord } from '../../protocol/journal.ts';

export interface CheckedRecords {
  /** Byte at which the first new record starts. */
  readonly start: number;
  readonly count: number;
  /** The new ones that are not output. */
  readonly events: JournalRecord[];
}

/** Looks through `records`: which of them are new, given that `next` comes next. */
export function checkRecords(records: Uint8Array, next: number): CheckedRecords | 'gap' | 'corrupt' {
  const events: JournalRecord[] = [];
  let at = 0;
  let start = records.length;
  let count = 0;
  let expected: number | null = null;
  while (at < records.length) {
    const read = readRecord(records, at);
    if (!read.ok) return 'corrupt';
    const { record } = read;
    if (expected !== null && record.number !== expected) return 'corrupt';
    if (expected === null && record.number > next) return 'gap';
    expected = record.number + 1;
    if (record.number >= next) {
      if (count === 0) start = at;
      count += 1;
      if (record.kind !== 'output') events.push(record);
    }
    at = read.next;
  }
  return records.length < HEADER_BYTES ? 'corrupt' : { start, count, events };
}
