import { constants } from 'node:fs';
import { type FileHandle, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { HEADER_BYTES, type JournalRecord, readRecord } from '../../protocol/journal.ts';

/** Bytes between two entries of the index: how far a read may have to walk to find its first record. */
const INDEX_EVERY = 128 << 10;

/** One file of a spool: records `first` up to `next`, without gaps. Named after its first record. */
export class SpoolSegment {
  readonly first: number;
  readonly path: string;
  /** Number after the last whole record in the file. */
  next: number;
  bytes: number;
  /** Sparse: every so many bytes, which record starts where. */
  readonly #index: { readonly number: number; readonly offset: number }[] = [];

  /** Opened when it is needed and closed when it rests: thousands of operations may wait or be owed. */
  #file: Promise<FileHandle> | null = null;

  constructor(folder: string, first: number) {
    this.first = first;
    this.path = join(folder, segmentName(first));
    this.next = first;
    this.bytes = 0;
  }

  /** The open file; made when it is not there. */
  file(): Promise<FileHandle> {
    this.#file ??= open(this.path, constants.O_RDWR | constants.O_CREAT, 0o600).catch((error: unknown) => {
      this.#file = null;
      throw error;
    });
    return this.#file;
  }

  /**
   * Opens a segment that an earlier process left, and cuts off what is torn or damaged at its end. Reads it in pieces, so
   * that a long one does not fill the memory.
   */
  static async recover(
    folder: string,
    first: number,
    onRecord: (record: JournalRecord) => void,
  ): Promise<SpoolSegment> {
    const segment = new SpoolSegment(folder, first);
    const file = await segment.file();
    let piece = Buffer.alloc(2 << 20);
    let filled = 0;
    let at = 0;
    for (;;) {
      const { bytesRead } = await file.read(piece, filled, piece.length - filled, segment.bytes + filled);
      filled += bytesRead;
      at = 0;
      while (at < filled) {
        const read = readRecord(piece.subarray(0, filled), at);
        if (!read.ok || read.record.number !== segment.next) break;
        segment.wrote(segment.next, segment.bytes, read.next - at);
        onRecord(read.record);
        at = read.next;
      }
      if (bytesRead === 0 || at === 0) break;
      piece = Buffer.concat([piece.subarray(at, filled), Buffer.alloc(at + (piece.length - filled))]);
      filled -= at;
    }
    await file.truncate(segment.bytes);
    return segment;
  }

  /** Notes a record that lies at the end of the file now. */
  wrote(number: number, offset: number, length: number): void {
    const last = this.#index.at(-1);
    if (last === undefined || offset - last.offset >= INDEX_EVERY) this.#index.push({ number, offset });
    this.next = number + 1;
    this.bytes = offset + length;
  }

  /** Whole records from number `from` on, at most `most` bytes unless the first alone is longer. */
  async read(from: number, most: number): Promise<{ readonly records: Buffer; readonly next: number }> {
    let low = 0;
    let high = this.#index.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.#index[middle]?.number ?? 0) <= from) low = middle;
      else high = middle - 1;
    }
    const start = this.#index[low];
    if (start === undefined || from < this.first || from >= this.next) return { records: Buffer.alloc(0), next: from };
    const end = this.bytes;
    const file = await this.file();
    let offset = start.offset;
    let number = start.number;
    let length = Math.min(end - offset, most + INDEX_EVERY);
    for (;;) {
      const bytes = Buffer.allocUnsafe(length);
      const { bytesRead } = await file.read(bytes, 0, length, offset);
      const walked = walk(bytes.subarray(0, bytesRead), number, from, most);
      if (walked.until > walked.start) {
        return { records: bytes.subarray(walked.start, walked.until), next: walked.next };
      }
      if (offset + length >= end) throw new Error(`The spool ${this.path} is damaged at record ${from}.`);
      // Either the records before `from` filled the piece, or one record is longer than the piece.
      offset += walked.start;
      number = walked.next;
      length = Math.min(end - offset, length * 2);
    }
  }

  /** Closes the file; it opens again when it is needed. */
  async release(): Promise<void> {
    const file = this.#file;
    this.#file = null;
    await (await file)?.close();
  }

  async remove(): Promise<void> {
    await this.release();
    await rm(this.path, { force: true });
  }
}

/** Skips records below `from`, then takes as many whole ones as fit; only lengths are looked at. */
function walk(bytes: Buffer, firstNumber: number, from: number, most: number) {
  let at = 0;
  let number = firstNumber;
  let start = 0;
  while (at + HEADER_BYTES <= bytes.length) {
    const end = at + HEADER_BYTES + bytes.readUInt32LE(at + 12);
    if (end > bytes.length) break;
    if (number < from) start = end;
    else if (end - start > most && at > start) break;
    at = end;
    number += 1;
  }
  return { start, until: number > from ? at : start, next: number };
}

/** `journal-0000000000.log`: sorts by its first record. */
export function segmentName(first: number): string {
  return `journal-${String(first).padStart(10, '0')}.log`;
}

/** The first record of a segment with this name; null when it is no segment. */
export function segmentFirst(name: string): number | null {
  const match = /^journal-(\d{10})\.log$/.exec(name);
  return match ? Number(match[1]) : null;
}
