import type { FileHandle } from 'node:fs/promises';
import {
  decodeJournal,
  HEADER_BYTES,
  type JournalRecord,
  MAX_PAYLOAD_BYTES,
  readRecord,
} from '../../protocol/journal.ts';
import type { JournalPosition } from './journals.ts';

/** Two records of the greatest length: the buffer always holds at least one whole record. */
const WINDOW_BYTES = 2 * (HEADER_BYTES + MAX_PAYLOAD_BYTES);

/** Kinds that an execution's state is made of: few for each step, so all of a journal's fit into memory. */
const EVENT_KINDS: ReadonlySet<string> = new Set(['started', 'step-started', 'step-finished', 'finished']);

export interface SoundJournal {
  readonly position: JournalPosition;
  readonly events: readonly JournalRecord[];
}

/**
 * Finds where the sound part of a journal ends: whole records with right checksums, numbered from 0 without gaps. Reads
 * the file of `size` bytes through a window and gives other work a turn after each one.
 */
export async function recoverJournal(file: FileHandle, size: number): Promise<SoundJournal> {
  const events: JournalRecord[] = [];
  const window = new Uint8Array(Math.min(WINDOW_BYTES, Math.max(size, 1)));
  let filled = 0;
  let bytes = 0;
  let next = 0;
  for (;;) {
    const { bytesRead } = await file.read(window, filled, window.length - filled, bytes + filled);
    filled += bytesRead;
    let at = 0;
    let sound = true;
    while (at < filled) {
      const read = readRecord(window.subarray(0, filled), at);
      if (!read.ok) {
        sound = read.fault === 'torn';
        break;
      }
      if (read.record.number !== next) {
        sound = false;
        break;
      }
      const { record } = read;
      if (EVENT_KINDS.has(record.kind)) events.push({ ...record, payload: record.payload.slice() });
      next += 1;
      at = read.next;
    }
    bytes += at;
    window.copyWithin(0, at, filled);
    filled -= at;
    if (!sound || bytesRead === 0) return { position: { next, bytes }, events };
  }
}

/** The same of a journal that is in memory. */
export function recoverBytes(bytes: Uint8Array): SoundJournal {
  const { records, soundBytes, nextNumber } = decodeJournal(bytes);
  return {
    position: { next: nextNumber, bytes: soundBytes },
    events: records.filter((record) => EVENT_KINDS.has(record.kind)),
  };
}
