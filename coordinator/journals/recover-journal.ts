import type { FileHandle } from 'node:fs/promises';
import { HEADER_BYTES, MAX_PAYLOAD_BYTES, readRecord } from '../../protocol/journal.ts';
import type { JournalPosition } from './journals.ts';

/** Two records of the greatest length: the buffer always holds at least one whole record. */
const WINDOW_BYTES = 2 * (HEADER_BYTES + MAX_PAYLOAD_BYTES);

/**
 * Finds where the sound part of a journal ends: whole records with right checksums, numbered from 0 without gaps. Reads
 * the file through a window, whatever its size, and gives other work a turn after each one.
 */
export async function soundPosition(file: FileHandle): Promise<JournalPosition> {
  const window = new Uint8Array(WINDOW_BYTES);
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
      next += 1;
      at = read.next;
    }
    bytes += at;
    window.copyWithin(0, at, filled);
    filled -= at;
    if (!sound || bytesRead === 0) return { next, bytes };
  }
}
