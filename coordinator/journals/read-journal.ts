import { type FileHandle, open } from 'node:fs/promises';
import { HEADER_BYTES, MAX_PAYLOAD_BYTES, readRecord } from '../../protocol/journal.ts';
import { OutrunnerError } from '../../protocol/problems.ts';
import type { JournalPieces } from './journal-pieces.ts';

const CHUNK_BYTES = 256 * 1024;

/**
 * The reading end of one journal: whole records from a byte offset, without ever holding more than a chunk. Rows are the
 * journal as long as there are any; then it is a file, and stays one.
 */
export class JournalRange {
  readonly #operation: string;
  readonly #path: string;
  readonly #pieces: JournalPieces;
  #file: FileHandle | null = null;

  constructor(operation: string, path: string, pieces: JournalPieces) {
    this.#operation = operation;
    this.#path = path;
    this.#pieces = pieces;
  }

  /** Refuses an offset behind `size`, or one at which no record starts. */
  async check(from: number, size: number): Promise<void> {
    if (from > size) {
      throw new OutrunnerError('range-not-satisfiable', {
        detail: `The output has ${size} bytes; ${from} is behind its end.`,
        fields: [{ path: 'query.from', message: `from is at most ${size} now.` }],
      });
    }
    if (from === 0 || from === size) return;
    const header = await this.#bytes(from, Math.min(size, from + HEADER_BYTES));
    const length = firstRecordBytes(header);
    const record =
      header.length === HEADER_BYTES && length <= HEADER_BYTES + MAX_PAYLOAD_BYTES
        ? await this.#bytes(from, Math.min(size, from + length))
        : header;
    if (!readRecord(record, 0).ok) {
      throw new OutrunnerError('invalid-input', {
        detail: `No record of the output starts at byte ${from}.`,
        fields: [{ path: 'query.from', message: 'from must be the start of a record, as X-Next-Offset or next said.' }],
      });
    }
  }

  /** The next chunk of whole records in `from`..`end`; `end` must be a record boundary behind `from`. */
  async chunk(from: number, end: number): Promise<Uint8Array> {
    const bytes = await this.#bytes(from, Math.min(end, from + CHUNK_BYTES));
    const whole = wholeRecords(bytes, from);
    if (whole > 0) return bytes.subarray(0, whole);
    // The first record is longer than a chunk.
    return this.#bytes(from, from + firstRecordBytes(bytes));
  }

  async close(): Promise<void> {
    const file = this.#file;
    this.#file = null;
    await file?.close();
  }

  async #bytes(from: number, to: number): Promise<Uint8Array> {
    if (this.#file === null) {
      const pieces = await this.#pieces.read(this.#operation);
      if (pieces.count > 0) {
        if (pieces.bytes.length < to) throw damaged(pieces.bytes.length);
        return pieces.bytes.subarray(from, to);
      }
      this.#file = await open(this.#path, 'r');
    }
    const bytes = new Uint8Array(to - from);
    let filled = 0;
    while (filled < bytes.length) {
      const { bytesRead } = await this.#file.read(bytes, filled, bytes.length - filled, from + filled);
      if (bytesRead === 0) throw damaged(from + filled);
      filled += bytesRead;
    }
    return bytes;
  }
}

function payloadLength(header: Uint8Array): number {
  if (header.length < HEADER_BYTES) return 0;
  return new DataView(header.buffer, header.byteOffset, HEADER_BYTES).getUint32(12, true);
}

/** Bytes of the first record of `bytes`, which begin with one. */
export function firstRecordBytes(bytes: Uint8Array): number {
  return HEADER_BYTES + payloadLength(bytes);
}

/** Bytes at the start of `bytes` that are whole records, by their lengths alone: they were checked before storing. */
export function wholeRecords(bytes: Uint8Array, offset: number): number {
  let at = 0;
  while (bytes.length - at >= HEADER_BYTES) {
    const length = payloadLength(bytes.subarray(at));
    if (length > MAX_PAYLOAD_BYTES) throw damaged(offset + at);
    if (at + HEADER_BYTES + length > bytes.length) break;
    at += HEADER_BYTES + length;
  }
  return at;
}

function damaged(at: number): OutrunnerError {
  return new OutrunnerError('internal', { detail: `The stored journal is damaged at byte ${at}.` });
}
