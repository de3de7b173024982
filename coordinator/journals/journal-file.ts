import { close, constants, fdatasync, ftruncate, open, rename, unlink, writev } from 'node:fs';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import { OutrunnerError } from '../../protocol/problems.ts';
import type { JournalFolders } from './journal-folders.ts';

const openFile = promisify(open);
const closeFile = promisify(close);
const writeSome = promisify(writev);
const sync = promisify(fdatasync);
const truncate = promisify(ftruncate);
const renameFile = promisify(rename);
const removeFile = promisify(unlink);

/** At most this many buffers go into one system call (IOV_MAX is 1024 on Linux and macOS). */
const BUFFERS_PER_WRITE = 512;

export interface JournalFileHooks {
  /** The number of descriptors in use changed by this much. */
  descriptors(change: 1 | -1): void;
  /** Asked after each flush: false closes the descriptor until the next one. */
  mayKeepOpen(): boolean;
}

/** Where a file is made before it gets its name. */
export function unfinishedPath(path: string): string {
  return `${path}.new`;
}

/**
 * Makes the file of a journal. When this resolves, its content and its name are durable; a crash before leaves no file of
 * that name, or the one that was there. When it rejects, there may be either.
 */
export async function makeJournalFile(
  path: string,
  chunks: readonly Uint8Array[],
  folders: JournalFolders,
): Promise<void> {
  const unfinished = unfinishedPath(path);
  try {
    await folders.ensure(dirname(path));
    const descriptor = await openFile(unfinished, constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC, 0o600);
    try {
      await writeAll(descriptor, chunks, 0);
      await sync(descriptor);
    } finally {
      await closeFile(descriptor);
    }
    await renameFile(unfinished, path);
    await folders.sync(dirname(path));
  } catch (cause) {
    await removeUnfinished(path);
    throw writeError(cause, path);
  }
}

/** Removes what a crash or a full disk left of making the file `path`. */
export async function removeUnfinished(path: string): Promise<void> {
  // Only room on the disk: nobody reads it, and making the file again empties it.
  await removeFile(unfinishedPath(path)).catch(() => undefined);
}

/** The appending end of a journal that is a file. The file is there. One call after the other. */
export class JournalFile {
  readonly #path: string;
  readonly #hooks: JournalFileHooks;
  #descriptor: number | null = null;

  constructor(path: string, hooks: JournalFileHooks) {
    this.#path = path;
    this.#hooks = hooks;
  }

  /** Resolves when `chunks` are durable behind the first `at` bytes. When it rejects, the file ends at `at` or is cut there later. */
  async append(chunks: readonly Uint8Array[], at: number): Promise<void> {
    try {
      this.#descriptor ??= await this.#open(at);
      await writeAll(this.#descriptor, chunks, at);
      await sync(this.#descriptor);
    } catch (cause) {
      await this.#dropTail(at);
      throw writeError(cause, this.#path);
    }
  }

  /** After a flush: keeps the descriptor for the next one if it may. */
  async rest(): Promise<void> {
    if (!this.#hooks.mayKeepOpen()) await this.close();
  }

  async close(): Promise<void> {
    const descriptor = this.#descriptor;
    this.#descriptor = null;
    if (descriptor === null) return;
    this.#hooks.descriptors(-1);
    await closeFile(descriptor);
  }

  async #open(at: number): Promise<number> {
    const descriptor = await openFile(this.#path, constants.O_RDWR);
    this.#hooks.descriptors(1);
    try {
      // Bytes behind the certain part are left-overs of a failed write.
      await truncate(descriptor, at);
    } catch (error) {
      this.#hooks.descriptors(-1);
      await closeFile(descriptor);
      throw error;
    }
    return descriptor;
  }

  /** After a failed write: the next one opens the file again, which cuts off the tail. */
  async #dropTail(at: number): Promise<void> {
    try {
      if (this.#descriptor !== null) await truncate(this.#descriptor, at);
    } catch {
      // Not needed for soundness: readers stop at what is stored, and opening the file again truncates it.
    }
    await this.close();
  }
}

async function writeAll(descriptor: number, chunks: readonly Uint8Array[], from: number): Promise<void> {
  let at = from;
  for (let i = 0; i < chunks.length; i += BUFFERS_PER_WRITE) {
    let rest = chunks.slice(i, i + BUFFERS_PER_WRITE);
    while (rest.length > 0) {
      const { bytesWritten } = await writeSome(descriptor, rest, at);
      // A disk that fills up writes a part first and says so on the next call.
      if (bytesWritten === 0) throw Object.assign(new Error('Nothing could be written.'), { code: 'ENOSPC' });
      at += bytesWritten;
      rest = withoutFirst(rest, bytesWritten);
    }
  }
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
