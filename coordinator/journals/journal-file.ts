import { close, constants, fdatasync, ftruncate, open, writev } from 'node:fs';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import { HEADER_BYTES, type JournalRecord, readRecord } from '../../protocol/journal.ts';
import { OutrunnerError } from '../../protocol/problems.ts';
import type { JournalFolders } from './journal-folders.ts';
import type { Append, JournalPosition } from './journals.ts';

const openFile = promisify(open);
const closeFile = promisify(close);
const writeAll = promisify(writev);
const sync = promisify(fdatasync);
const truncate = promisify(ftruncate);

/** At most this many buffers go into one system call (IOV_MAX is 1024 on Linux and macOS). */
const BUFFERS_PER_WRITE = 512;

export interface JournalFileHooks {
  readonly folders: JournalFolders;
  /** More is on disk. */
  stored(): void;
  /** The number of descriptors in use changed by this much. */
  descriptors(change: 1 | -1): void;
  /** Asked after each flush: false closes the descriptor until the next one. */
  mayKeepOpen(): boolean;
}

interface Waiting {
  readonly position: JournalPosition;
  resolve(position: JournalPosition): void;
  reject(error: unknown): void;
}

/**
 * The appending end of one journal. `taken` runs ahead of `stored`: everything that arrives while a flush is under way
 * goes into the next one, so that any number of records share one flush of the disk.
 */
export class JournalFile {
  readonly path: string;
  attempt: number;
  stored: JournalPosition;
  #taken: JournalPosition;
  #descriptor: number | null = null;
  #isNew: boolean;
  #chunks: Uint8Array[] = [];
  #waiting: Waiting[] = [];
  #flushing: Promise<void> | null = null;
  readonly #hooks: JournalFileHooks;

  constructor(path: string, attempt: number, position: JournalPosition, isNew: boolean, hooks: JournalFileHooks) {
    this.path = path;
    this.attempt = attempt;
    this.stored = position;
    this.#taken = position;
    this.#isNew = isNew;
    this.#hooks = hooks;
  }

  append(records: Uint8Array): Append {
    const next = this.#taken.next;
    const checked = checkRecords(records, next);
    if (checked === 'corrupt') return { kind: 'corrupt', next };
    if (checked === 'gap') return { kind: 'gap', next };
    if (checked.count === 0) return { kind: 'duplicate', next: this.stored.next };
    const fresh = records.subarray(checked.start);
    const position = { next: next + checked.count, bytes: this.#taken.bytes + fresh.length };
    this.#taken = position;
    this.#chunks.push(fresh);
    const stored = new Promise<JournalPosition>((resolve, reject) => {
      this.#waiting.push({ position, resolve, reject });
    });
    this.#flushing ??= this.#flush();
    return { kind: 'taken', events: checked.events, position, stored };
  }

  /** Waits until everything taken is stored (or has failed), then closes the descriptor. */
  async close(): Promise<void> {
    await this.#flushing;
    await this.#closeDescriptor();
  }

  async #flush(): Promise<void> {
    // One turn later: what arrives in this turn shares the flush.
    await Promise.resolve();
    while (this.#chunks.length > 0) {
      const chunks = this.#chunks;
      const waiting = this.#waiting;
      const goal = this.#taken;
      this.#chunks = [];
      this.#waiting = [];
      try {
        await this.#write(chunks);
        this.stored = goal;
        for (const one of waiting) one.resolve(one.position);
        this.#hooks.stored();
      } catch (cause) {
        // Back to what is certain. What was taken meanwhile builds on what is lost, so it goes as well; all of it comes
        // again, because none of it was acknowledged.
        this.#taken = this.stored;
        const lost = [...waiting, ...this.#waiting];
        this.#chunks = [];
        this.#waiting = [];
        await this.#dropTail();
        const error = writeError(cause, this.path);
        for (const one of lost) one.reject(error);
      }
    }
    if (!this.#hooks.mayKeepOpen()) await this.#closeDescriptor();
    this.#flushing = null;
    // Something may have been taken while the descriptor was being closed.
    if (this.#chunks.length > 0) this.#flushing = this.#flush();
  }

  async #write(chunks: readonly Uint8Array[]): Promise<void> {
    this.#descriptor ??= await this.#openDescriptor();
    let at = this.stored.bytes;
    for (let i = 0; i < chunks.length; i += BUFFERS_PER_WRITE) {
      let rest = chunks.slice(i, i + BUFFERS_PER_WRITE);
      while (rest.length > 0) {
        const { bytesWritten } = await writeAll(this.#descriptor, rest, at);
        // A disk that fills up writes a part first and says so on the next call.
        if (bytesWritten === 0) throw Object.assign(new Error('Nothing could be written.'), { code: 'ENOSPC' });
        at += bytesWritten;
        rest = withoutFirst(rest, bytesWritten);
      }
    }
    await sync(this.#descriptor);
    if (this.#isNew) {
      await this.#hooks.folders.sync(dirname(this.path));
      this.#isNew = false;
    }
  }

  async #openDescriptor(): Promise<number> {
    if (this.#isNew) await this.#hooks.folders.ensure(dirname(this.path));
    // Bytes behind the certain part are left-overs of a failed write.
    const isEmpty = this.stored.bytes === 0;
    const flags = constants.O_RDWR | constants.O_CREAT | (isEmpty ? constants.O_TRUNC : 0);
    const descriptor = await openFile(this.path, flags, 0o600);
    this.#hooks.descriptors(1);
    if (isEmpty) return descriptor;
    try {
      await truncate(descriptor, this.stored.bytes);
    } catch (error) {
      this.#hooks.descriptors(-1);
      await closeFile(descriptor);
      throw error;
    }
    return descriptor;
  }

  /** After a failed write: the next one opens the file again, which cuts off the tail. */
  async #dropTail(): Promise<void> {
    try {
      if (this.#descriptor !== null) await truncate(this.#descriptor, this.stored.bytes);
    } catch {
      // Not needed for soundness: readers stop at `stored`, and opening the file again truncates it.
    }
    await this.#closeDescriptor();
  }

  async #closeDescriptor(): Promise<void> {
    const descriptor = this.#descriptor;
    this.#descriptor = null;
    if (descriptor === null) return;
    this.#hooks.descriptors(-1);
    await closeFile(descriptor);
  }
}

interface Checked {
  /** Byte at which the first new record starts. */
  readonly start: number;
  readonly count: number;
  readonly events: JournalRecord[];
}

/** Looks through `records`: which of them are new, given that `next` comes next. */
function checkRecords(records: Uint8Array, next: number): Checked | 'gap' | 'corrupt' {
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

function withoutFirst(buffers: Uint8Array[], bytes: number): Uint8Array[] {
  let skip = bytes;
  let index = 0;
  while (index < buffers.length && skip >= (buffers[index] as Uint8Array).length) {
    skip -= (buffers[index] as Uint8Array).length;
    index += 1;
  }
  const rest = buffers.slice(index);
  if (skip > 0) rest[0] = (rest[0] as Uint8Array).subarray(skip);
  return rest;
}

function writeError(cause: unknown, path: string): OutrunnerError {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new OutrunnerError('storage-full', { detail: `There is no room to write ${path}.`, cause });
  }
  return new OutrunnerError('internal', { detail: `The journal ${path} cannot be written (${code || cause}).`, cause });
}
