import { rm } from 'node:fs/promises';
import type { Clock } from '../../protocol/clock.ts';
import { encodeRecordHeader, type JournalRecord } from '../../protocol/journal.ts';
import { systemCode } from '../agent-exit.ts';
import { segmentFile } from './operation-place.ts';
import { type ReadRecords, SpoolSegment } from './spool-segment.ts';

/** A segment is closed when it is this long; acknowledged segments are deleted whole. */
const SEGMENT_BYTES = 16 << 20;
/** The records that share a file with the plan stay as long as it does: they are few. */
const SHARED_BYTES = 128 << 10;
/** A segment of which everything is acknowledged is closed from this length on: a full disk gets room while the step runs. */
const ACKNOWLEDGED_BYTES = 4 << 20;
/** Most bytes that one write takes. */
const WRITE_BYTES = 1 << 20;
/** Most records that one write takes: systems limit how many pieces that may be (1024), and a record is two. */
const MOST_RECORDS = 500;
/** A record of at most this many bytes is written in place when nothing waits before it: cheaper than a detour over a thread. */
const SMALL_BYTES = 16 << 10;
/** Output that follows sooner than this after the last write is gathered instead: a flood of short lines makes few writes. */
const FLOOD_MS = 2;
/** When the disk takes nothing, how long to wait before the next try. */
const RETRY_MS = 1_000;
/** Records are made durable this long after they were written, many at a time. */
const SYNC_MS = 200;

export interface SpoolOptions {
  readonly clock: Clock;
  /** Records are in the file now, and may be sent. Called after each write with what it wrote. */
  readonly onWritten: (batch: WrittenBatch) => void;
  /** The disk refused a write; it is tried again by itself. */
  readonly onTrouble: (code: string) => void;
  /** Length after which a new segment is begun; for tests. */
  readonly segmentBytes?: number;
}

/** The slot of the operation: `planBytes` of plan, then the first records of the journal. */
export interface SharedFile {
  readonly path: string;
  readonly planBytes: number;
  /** For a journal that is found: whether its first record is of this operation. */
  readonly isOurs?: (first: JournalRecord) => boolean;
}

/** A record on its way to the file, header and payload apart: what a step printed is copied as rarely as possible. */
export interface WrittenRecord {
  readonly header: Uint8Array;
  readonly payload: Uint8Array;
}

/** What one write put into the file. The bytes must not be changed. */
export interface WrittenBatch {
  readonly first: number;
  readonly next: number;
  readonly records: readonly WrittenRecord[];
}

/**
 * The journal of one operation on this host: appended to files, read back to be sent, deleted as it is acknowledged. What
 * was appended is only in memory until it is written; {@link queuedBytes} says how much that is, so that the producer can
 * be paused. A disk that is full loses nothing: the write is tried again.
 */
export class Spool {
  readonly #place: string;
  /** Stays open and in use also when its records are not needed any more. */
  readonly #slot: SpoolSegment;
  readonly #options: SpoolOptions;
  #segments: SpoolSegment[];
  #pending: WrittenRecord[] = [];
  #queuedBytes = 0;
  #acknowledged = 0;
  #next: number;
  #writing = false;
  #closed = false;
  #resting = false;
  #idle: (() => void)[] = [];
  #syncTimer = false;
  #wroteAt = Number.NEGATIVE_INFINITY;

  private constructor(place: string, slot: SpoolSegment, segments: SpoolSegment[], options: SpoolOptions) {
    this.#place = place;
    this.#slot = slot;
    this.#segments = segments;
    this.#options = options;
    this.#next = this.written;
  }

  /**
   * A new, empty spool. Its first records go behind the plan into the slot of the operation, which is open for reading and
   * writing as `descriptor`, and is closed here; what follows goes into files of its own beside `place`.
   */
  static create(place: string, shared: SharedFile, descriptor: number, options: SpoolOptions): Spool {
    const first = new SpoolSegment({ path: shared.path, first: 0, start: shared.planBytes }, descriptor);
    return new Spool(place, first, [first], options);
  }

  /**
   * Opens what an earlier process left: the slot of the operation, and further files that begin with the records `firsts`
   * (ascending). A torn or damaged end is cut off; files that do not follow on from there are deleted, since nothing after a
   * gap can be sent. Only a gap behind the slot is none: its records stay longer than they are needed, and
   * those in between were acknowledged and deleted. `onRecord` sees each sound record, in order.
   */
  static async recover(
    place: string,
    shared: SharedFile,
    firsts: readonly number[],
    options: SpoolOptions,
    onRecord: (record: JournalRecord) => void = () => undefined,
  ): Promise<Spool> {
    const { planBytes: start, ...file } = shared;
    const slot = await SpoolSegment.recover({ ...file, first: 0, start }, onRecord);
    const segments = [slot];
    for (const first of firsts) {
      const last = segments.at(-1);
      const own = { path: segmentFile(place, first), first, start: 0 };
      if (last !== undefined && !last.isOwn && first > last.next) await segments.pop()?.release();
      else if (last?.next !== first) {
        await rm(own.path, { force: true });
        continue;
      }
      segments.push(await SpoolSegment.recover(own, onRecord));
    }
    return new Spool(place, slot, segments, options);
  }

  /** Number of the oldest record that is still here. */
  get first(): number {
    return this.#segments[0]?.first ?? 0;
  }

  /** Number after the last record that is in a file. */
  get written(): number {
    return this.#segments.at(-1)?.next ?? 0;
  }

  /** Number that the next appended record carries. */
  get next(): number {
    return this.#next;
  }

  /** Bytes that were appended and are not in a file yet. */
  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  /** Appends a record; its number and time are given here. The payload must not be changed afterwards. */
  append(record: Omit<JournalRecord, 'number' | 'time' | 'node'>): void {
    if (this.#closed) throw new Error('The spool is closed.');
    const number = this.#next;
    const header = encodeRecordHeader({ ...record, node: 0, number, time: this.#options.clock.now() });
    this.#next += 1;
    const pending = { header, payload: record.payload };
    this.#pending.push(pending);
    this.#queuedBytes += lengthOf(pending);
    const isFlood = record.kind === 'output' && this.#options.clock.monotonic() - this.#wroteAt < FLOOD_MS;
    if (!this.#writing && (isFlood || !this.#writeNow(pending))) void this.#write();
  }

  /** Puts a small record that is alone into the file at once, if it can be. */
  #writeNow(record: WrittenRecord): boolean {
    const total = lengthOf(record);
    const segment = this.#segments.at(-1);
    if (segment === undefined || total > SMALL_BYTES || segment.bytes >= this.#limitOf(segment)) return false;
    if (!segment.writeNow(buffersOf([record]), total)) return false;
    this.#pending.pop();
    this.#wrote(segment, [record], total);
    return true;
  }

  /** Resolves when everything that was appended so far is in the file. */
  async flushed(): Promise<void> {
    if (this.#pending.length === 0 && !this.#writing) return;
    await new Promise<void>((resolve) => this.#idle.push(resolve));
  }

  /** Resolves when everything that was appended so far would survive a power cut. */
  async durable(): Promise<void> {
    await this.flushed();
    if (!this.#closed) await this.#segments.at(-1)?.durable();
  }

  /**
   * Whole records from number `from` on; null when there are none in the file (yet, or any more). They are read into
   * `room` if the first of them fits, from byte `headroom` on; what is before is free for the caller.
   */
  async read(from: number, room: Buffer, headroom: number): Promise<ReadRecords | null> {
    const segment = this.#segments.findLast((candidate) => candidate.first <= from);
    if (segment === undefined || from >= segment.next) return null;
    return await segment.read(from, room, headroom);
  }

  /** Records below `next` are stored elsewhere for good: segments that hold only such are deleted, but never the last. */
  async acknowledged(next: number): Promise<void> {
    this.#acknowledged = Math.max(this.#acknowledged, next);
    const done: SpoolSegment[] = [];
    while (this.#segments.length > 1 && (this.#segments[0]?.next ?? 0) <= this.#acknowledged) {
      const segment = this.#segments.shift();
      if (segment) done.push(segment);
    }
    for (const segment of done) await segment.remove();
  }

  /**
   * Starts again at record `first`: used when the other end has more than survived here, so that what is appended now gets
   * numbers that are free there.
   */
  async restartAt(first: number): Promise<void> {
    await this.flushed();
    const old = this.#segments;
    const fresh = ownSegment(this.#place, first);
    // Before the old ones are deleted: a journal without any record or segment would look as if nothing had ever begun.
    fresh.open();
    this.#segments = [fresh];
    this.#next = first;
    for (const segment of old) await segment.remove();
  }

  /** Nothing is appended any more: once all of it is durable, the files are closed. Reading opens them again. */
  rest(): void {
    this.#resting = true;
    this.#syncSoon();
  }

  /** Closes the files for now. They open again when they are read or written. */
  async release(): Promise<void> {
    await this.flushed();
    for (const segment of this.#segments) await segment.release();
  }

  /** Writes what was appended, and takes no more. Resolves with the open file of the slot, if it is open: the caller closes it. */
  async close(): Promise<number | null> {
    this.#closed = true;
    await this.flushed();
    for (const segment of this.#segments) if (segment.isOwn) await segment.release();
    return await this.#slot.takeDescriptor();
  }

  /** Deletes all of it but the slot. */
  async remove(): Promise<void> {
    for (const segment of this.#segments.splice(0)) if (segment.isOwn) await segment.remove();
  }

  async #write(): Promise<void> {
    this.#writing = true;
    while (this.#pending.length > 0) {
      const records = this.#take();
      const buffers = buffersOf(records);
      const total = buffers.reduce((sum, bytes) => sum + bytes.length, 0);
      this.#wrote(await this.#writeAll(buffers, total), records, total);
    }
    this.#writing = false;
    const waiting = this.#idle;
    this.#idle = [];
    for (const resolve of waiting) resolve();
  }

  #wrote(segment: SpoolSegment, records: readonly WrittenRecord[], total: number): void {
    const first = segment.next;
    for (const record of records) segment.wrote(segment.next, segment.bytes, lengthOf(record));
    this.#queuedBytes -= total;
    this.#wroteAt = this.#options.clock.monotonic();
    this.#syncSoon();
    this.#options.onWritten({ first, next: segment.next, records });
  }

  #take(): WrittenRecord[] {
    let bytes = 0;
    let count = 0;
    for (const pending of this.#pending) {
      if (count === MOST_RECORDS || (count > 0 && bytes + lengthOf(pending) > WRITE_BYTES)) break;
      bytes += lengthOf(pending);
      count += 1;
    }
    return this.#pending.splice(0, count);
  }

  /** Writes at the end of the last segment, again and again until the disk has taken all; beginning a new one if due. */
  async #writeAll(buffers: readonly Uint8Array[], total: number): Promise<SpoolSegment> {
    for (;;) {
      try {
        const segment = await this.#segmentToWrite();
        // A disk that is nearly full takes a part. The whole batch is written again at the same place.
        if ((await segment.write([...buffers])) === total) return segment;
        this.#options.onTrouble('ENOSPC');
      } catch (error) {
        this.#options.onTrouble(systemCode(error));
      }
      await new Promise<void>((resolve) => this.#options.clock.after(RETRY_MS, resolve));
    }
  }

  /** The last segment, or a new one behind it if that is due. */
  async #segmentToWrite(): Promise<SpoolSegment> {
    const last = this.#segments.at(-1);
    if (last !== undefined && last.bytes < this.#limitOf(last)) return last;
    if (last !== undefined && last.next > this.#acknowledged) await last.durable();
    const fresh = ownSegment(this.#place, this.written);
    // Made before the old one is deleted: a journal without any record or segment would look as if nothing had ever begun.
    fresh.open();
    this.#segments.push(fresh);
    await this.acknowledged(this.#acknowledged);
    return fresh;
  }

  /** The length from which on a new segment is begun behind this one. */
  #limitOf(segment: SpoolSegment): number {
    const { segmentBytes } = this.#options;
    if (segmentBytes !== undefined) return segmentBytes;
    if (!segment.isOwn) return SHARED_BYTES;
    return segment.next <= this.#acknowledged ? ACKNOWLEDGED_BYTES : SEGMENT_BYTES;
  }

  #syncSoon(): void {
    if (this.#syncTimer) return;
    this.#syncTimer = true;
    this.#options.clock.after(SYNC_MS, () => {
      this.#syncTimer = false;
      if (this.#closed) return;
      this.durable()
        .then(() => (this.#resting ? this.release() : undefined))
        // What was closed meanwhile may be deleted already.
        .catch((error: unknown) => (this.#closed ? undefined : this.#options.onTrouble(systemCode(error))));
    });
  }
}

function ownSegment(place: string, first: number): SpoolSegment {
  return new SpoolSegment({ path: segmentFile(place, first), first, start: 0 });
}

function buffersOf(records: readonly WrittenRecord[]): Uint8Array[] {
  return records.flatMap(({ header, payload }) => (payload.length === 0 ? [header] : [header, payload]));
}

function lengthOf({ header, payload }: WrittenRecord): number {
  return header.length + payload.length;
}
