import { close, constants, fdatasync, ftruncateSync, openSync, read, rmSync, writev, writevSync } from 'node:fs';
import { promisify } from 'node:util';
import { HEADER_BYTES, type JournalRecord, readRecord } from '../../protocol/journal.ts';

const closeFile = promisify(close);
const readFile = promisify(read);
const writevFile = promisify(writev);
const syncFile = promisify(fdatasync);

/** Bytes between two entries of the index: how far a read may have to walk to find its first record. */
const INDEX_EVERY = 128 << 10;

interface Position {
  readonly number: number;
  readonly offset: number;
}

export interface ReadRecords {
  /** The headroom, then whole records. */
  readonly bytes: Buffer;
  /** Number after the last of them. */
  readonly next: number;
}

/** Where a segment lies. */
export interface SegmentFile {
  readonly path: string;
  /** Number of its first record. */
  readonly first: number;
  /** Bytes before the first record that belong to somebody else: the plan of the operation. Such a file is never made here. */
  readonly start: number;
  /** Whether the first record belongs to this journal; others end it. Absent: it does. */
  readonly isOurs?: (first: JournalRecord) => boolean;
}

/** One file of a spool: records `first` up to `next`, without gaps. */
export class SpoolSegment {
  readonly #file: SegmentFile;
  /** Number after the last whole record in the file. */
  next: number;
  /** Length of the file up to there. */
  bytes: number;
  /** Sparse: every so many bytes, which record starts where. */
  readonly #index: Position[] = [];
  /** Behind the last record that was read: journals are read in order, mostly. */
  #readUpTo: Position | null = null;

  /**
   * Opened when it is needed and closed when it rests: thousands of operations may wait or be owed. A bare descriptor: what a
   * step prints passes here in many small pieces, and Node's file objects cost more than the system calls.
   */
  #descriptor: number | null;
  /** Reads and writes under way: the descriptor is not closed under them. */
  #users = 0;
  #unused: (() => void)[] = [];

  /** `descriptor`: of the file, when it is open already. It is closed here. */
  constructor(file: SegmentFile, descriptor: number | null = null) {
    this.#file = file;
    this.#descriptor = descriptor;
    this.next = file.first;
    this.bytes = file.start;
  }

  get first(): number {
    return this.#file.first;
  }

  /** Whether its file holds records alone, and so may be deleted when they are not needed any more. */
  get isOwn(): boolean {
    return this.#file.start === 0;
  }

  /** Opens the file; made when it is not there and holds records alone. @throws what the system says. */
  open(): number {
    const flags = constants.O_RDWR | (this.isOwn ? constants.O_CREAT : 0);
    this.#descriptor ??= openSync(this.#file.path, flags, 0o600);
    return this.#descriptor;
  }

  /** Writes at the end without waiting; false when the disk does not take all of it. */
  writeNow(buffers: readonly Uint8Array[], total: number): boolean {
    try {
      return writevSync(this.open(), buffers, this.bytes) === total;
    } catch {
      return false; // The write that waits comes next; it says what is wrong and tries until it succeeds.
    }
  }

  /** Writes at the end; returns how many bytes the disk took. @throws what the system says. */
  async write(buffers: Uint8Array[]): Promise<number> {
    const { bytesWritten } = await this.#use((descriptor) => writevFile(descriptor, buffers, this.bytes));
    return bytesWritten;
  }

  /** Everything that was written survives a power cut after this. */
  async durable(): Promise<void> {
    await this.#use((descriptor) => syncFile(descriptor));
  }

  async #use<T>(act: (descriptor: number) => Promise<T>): Promise<T> {
    const descriptor = this.open();
    this.#users += 1;
    try {
      return await act(descriptor);
    } finally {
      this.#users -= 1;
      if (this.#users === 0) for (const resolve of this.#unused.splice(0)) resolve();
    }
  }

  async #readAt(room: Uint8Array, at: number, length: number, position: number): Promise<number> {
    const { bytesRead } = await this.#use((descriptor) => readFile(descriptor, room, at, length, position));
    return bytesRead;
  }

  /**
   * Opens a segment that an earlier process left, and cuts off what is torn or damaged at its end. Reads it in pieces, so
   * that a long one does not fill the memory.
   */
  static async recover(file: SegmentFile, onRecord: (record: JournalRecord) => void): Promise<SpoolSegment> {
    const segment = new SpoolSegment(file);
    let piece = Buffer.alloc(2 << 20);
    let filled = 0;
    let at = 0;
    for (;;) {
      const bytesRead = await segment.#readAt(piece, filled, piece.length - filled, segment.bytes + filled);
      filled += bytesRead;
      at = 0;
      while (at < filled) {
        const read = readRecord(piece.subarray(0, filled), at);
        if (!read.ok || read.record.number !== segment.next) break;
        if (segment.next === file.first && file.isOurs?.(read.record) === false) break;
        segment.wrote(segment.next, segment.bytes, read.next - at);
        onRecord(read.record);
        at = read.next;
      }
      if (bytesRead === 0 || at === 0) break;
      piece = Buffer.concat([piece.subarray(at, filled), Buffer.alloc(at + (piece.length - filled))]);
      filled -= at;
    }
    ftruncateSync(segment.open(), segment.bytes);
    return segment;
  }

  /** Notes a record that lies at the end of the file now. */
  wrote(number: number, offset: number, length: number): void {
    const last = this.#index.at(-1);
    if (last === undefined || offset - last.offset >= INDEX_EVERY) this.#index.push({ number, offset });
    this.next = number + 1;
    this.bytes = offset + length;
  }

  /** Whole records from number `from` on, read into `room` from byte `headroom` on, or into a larger one if need be. */
  async read(from: number, room: Buffer, headroom: number): Promise<ReadRecords> {
    const end = this.bytes;
    let { number, offset } = this.#startOf(from);
    let bytes = room;
    for (;;) {
      const length = Math.min(end - offset, bytes.length - headroom);
      const bytesRead = await this.#readAt(bytes, headroom, length, offset);
      const walked = walk(bytes.subarray(headroom, headroom + bytesRead), number, from);
      if (walked.until > walked.start) {
        this.#readUpTo = { number: walked.next, offset: offset + walked.until };
        // Skipped records lie before the wanted ones, and the headroom moves up over them.
        return { bytes: bytes.subarray(walked.start, headroom + walked.until), next: walked.next };
      }
      if (offset + length >= end) throw new Error(`The spool ${this.#file.path} is damaged at record ${from}.`);
      // Records before `from` filled the room: go on behind them. Or one record is longer than the room.
      if (walked.start > 0) {
        offset += walked.start;
        number = walked.next;
      } else bytes = Buffer.allocUnsafe(bytes.length * 2);
    }
  }

  /** A record at or before `from`, and where it lies: where the last read ended, or an entry of the index. */
  #startOf(from: number): Position {
    if (this.#readUpTo?.number === from) return this.#readUpTo;
    const after = this.#index.findIndex(({ number }) => number > from);
    return this.#index.at(after < 0 ? -1 : after - 1) ?? { number: this.first, offset: this.#file.start };
  }

  /** Closes the file; it opens again when it is needed. */
  async release(): Promise<void> {
    const descriptor = await this.takeDescriptor();
    if (descriptor !== null) await closeFile(descriptor);
  }

  /** Gives the open file to the caller, who closes it; null when it is not open. */
  async takeDescriptor(): Promise<number | null> {
    while (this.#users > 0) await new Promise<void>((resolve) => this.#unused.push(resolve));
    const descriptor = this.#descriptor;
    this.#descriptor = null;
    return descriptor;
  }

  /** Closes and deletes the file, unless it holds more than records: then whoever made it deletes it. */
  async remove(): Promise<void> {
    await this.release();
    if (this.isOwn) rmSync(this.#file.path, { force: true });
  }
}

/** Skips records below `from`, then takes the whole ones; only lengths are looked at. */
function walk(bytes: Buffer, firstNumber: number, from: number) {
  let at = 0;
  let number = firstNumber;
  let start = 0;
  while (at + HEADER_BYTES <= bytes.length) {
    const end = at + HEADER_BYTES + bytes.readUInt32LE(at + 12);
    if (end > bytes.length) break;
    if (number < from) start = end;
    at = end;
    number += 1;
  }
  return { start, until: number > from ? at : start, next: number };
}
