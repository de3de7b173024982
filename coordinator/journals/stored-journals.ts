import { open, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Journal, type JournalState, type ShortJournal } from './journal.ts';
import { removeUnfinished } from './journal-file.ts';
import { JournalFolders } from './journal-folders.ts';
import { JournalPieces, type PieceStore } from './journal-pieces.ts';
import type { Append, Journals, OpenedJournal, ReadOptions } from './journals.ts';
import { firstRecordBytes, JournalRange, wholeRecords } from './read-journal.ts';
import { recoverBytes, recoverJournal } from './recover-journal.ts';

/** Beyond this many open files, a journal's file is closed after each flush and opened again for the next. */
const OPEN_FILES = 512;
/** What most executions stay below. One that prints more for long is better off in a file: see decision 0012. */
const SHORT: ShortJournal = { bytes: 16 << 10, pieces: 64 };

export interface JournalPlaces {
  /** Where short journals are. */
  readonly store: PieceStore;
  /** Where the files of the others are: `ab/<operation id>.journal`, nothing in them but records. */
  readonly folder: string;
  /** What counts as short; for tests. */
  readonly short?: ShortJournal;
}

/** Journals as rows of the database while they are short, and as files from then on. */
export function storedJournals({ store, folder, short = SHORT }: JournalPlaces): Journals {
  const journals = new Map<string, Journal>();
  const opening = new Map<string, Promise<OpenedJournal>>();
  const sleepers = new Map<string, Set<() => void>>();
  const folders = new JournalFolders();
  const pieces = new JournalPieces(store);
  let openFiles = 0;

  const pathOf = (operation: string) => join(folder, operation.slice(0, 2), `${operation}.journal`);
  const rangeOf = (operation: string) => new JournalRange(operation, pathOf(operation), pieces);

  function wake(operation: string): void {
    const woken = sleepers.get(operation);
    if (woken === undefined) return;
    sleepers.delete(operation);
    for (const each of woken) each();
  }

  function track(operation: string, attempt: number, state: JournalState): void {
    const journal = new Journal(operation, pathOf(operation), attempt, state, {
      pieces,
      folders,
      short,
      stored: () => wake(operation),
      descriptors: (change) => {
        openFiles += change;
      },
      mayKeepOpen: () => openFiles <= OPEN_FILES,
    });
    journals.set(operation, journal);
  }

  async function openExisting(operation: string, attempt: number): Promise<OpenedJournal> {
    const path = pathOf(operation);
    const { count, bytes } = await pieces.read(operation);
    if (count > 0) {
      const { position, events } = recoverBytes(bytes);
      const isSound = position.bytes === bytes.length;
      if (!isSound) await pieces.replace(operation, bytes.subarray(0, position.bytes));
      // A crash may have come while it was moved to a file.
      await removeUnfinished(path);
      track(operation, attempt, { ...position, pieces: isSound ? count : 1 });
      return { position, events };
    }
    const exists = await sizeOnDisk(path);
    if (exists === null) {
      const nothing = { next: 0, bytes: 0 };
      track(operation, attempt, { ...nothing, pieces: 0 });
      return { position: nothing, events: [] };
    }
    const file = await open(path, 'r+');
    try {
      const { position, events } = await recoverJournal(file, exists);
      if (position.bytes < exists) {
        await file.truncate(position.bytes);
        await file.datasync();
      }
      track(operation, attempt, { ...position, pieces: null });
      return { position, events };
    } finally {
      await file.close();
    }
  }

  async function size(operation: string): Promise<number> {
    const journal = journals.get(operation);
    if (journal !== undefined) return journal.stored.bytes;
    const inRows = await pieces.size(operation);
    return inRows > 0 ? inRows : ((await sizeOnDisk(pathOf(operation))) ?? 0);
  }

  /** Resolves at the next wake-up of `operation` or when `signal` aborts. */
  function sleep(operation: string, signal: AbortSignal | undefined): { until: Promise<void>; cancel(): void } {
    const set = sleepers.get(operation) ?? new Set();
    sleepers.set(operation, set);
    const { promise, resolve } = Promise.withResolvers<void>();
    const awake = () => {
      signal?.removeEventListener('abort', awake);
      set.delete(awake);
      if (set.size === 0 && sleepers.get(operation) === set) sleepers.delete(operation);
      resolve();
    };
    set.add(awake);
    signal?.addEventListener('abort', awake, { once: true });
    return { until: promise, cancel: awake };
  }

  async function* records(operation: string, options: ReadOptions, range: JournalRange): AsyncGenerator<Uint8Array> {
    const { signal, mayGrow, to } = options;
    let at = options.from;
    try {
      while (!signal?.aborted) {
        // Asleep before looking, so that nothing that is stored in between is missed.
        const nap = sleep(operation, signal);
        const grows = mayGrow?.() ?? false;
        const end = to ?? (await size(operation));
        if (at < end) {
          nap.cancel();
          const bytes = await range.chunk(at, end);
          at += bytes.length;
          yield bytes;
        } else if (grows) {
          await nap.until;
        } else {
          nap.cancel();
          return;
        }
      }
    } finally {
      await range.close();
    }
  }

  return {
    begin(operation, attempt) {
      const present = journals.get(operation);
      if (present === undefined) track(operation, attempt, { next: 0, bytes: 0, pieces: 0, unclear: true });
      else present.attempt = Math.max(present.attempt, attempt);
    },
    async open(operation, attempt) {
      const journal = journals.get(operation);
      if (journal !== undefined) {
        journal.attempt = Math.max(journal.attempt, attempt);
        return { position: journal.stored, events: null };
      }
      let pending = opening.get(operation);
      if (pending === undefined) {
        pending = openExisting(operation, attempt).finally(() => opening.delete(operation));
        opening.set(operation, pending);
      }
      return pending;
    },
    append(operation, attempt, bytes): Append {
      const journal = journals.get(operation);
      if (journal === undefined || journal.attempt !== attempt) return { kind: 'fenced' };
      return journal.append(bytes);
    },
    async release(operation) {
      const journal = journals.get(operation);
      if (journal === undefined) return wake(operation);
      await journal.close();
      journals.delete(operation);
      wake(operation);
    },
    stored: (operation) => journals.get(operation)?.stored ?? null,
    size,
    async read(operation, options) {
      const range = rangeOf(operation);
      try {
        await range.check(options.from, await size(operation));
      } catch (error) {
        await range.close();
        throw error;
      }
      return records(operation, options, range);
    },
    async boundary(operation, from, limit) {
      const end = await size(operation);
      if (from + limit >= end) return end;
      const range = rangeOf(operation);
      try {
        let at = from;
        while (at < end) {
          const chunk = await range.chunk(at, end);
          const room = from + limit - at;
          if (chunk.length > room) {
            const fits = wholeRecords(chunk.subarray(0, Math.max(0, room)), at);
            return at + fits > from ? at + fits : at + firstRecordBytes(chunk);
          }
          at += chunk.length;
        }
        return at;
      } finally {
        await range.close();
      }
    },
    wake,
    async stop() {
      await Promise.all([...journals.values()].map((journal) => journal.close()));
      journals.clear();
      await folders.stop();
      for (const operation of [...sleepers.keys()]) wake(operation);
    },
  };
}

async function sizeOnDisk(path: string): Promise<number | null> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  }
}
