import type { JournalRecord } from '../../protocol/journal.ts';

/** Where a journal stands: the number that its next record must carry, and its size in bytes. */
export interface JournalPosition {
  readonly next: number;
  readonly bytes: number;
}

/** What opening a journal found. */
export interface OpenedJournal {
  readonly position: JournalPosition;
  /**
   * The records that are not output, when the file had to be read; null when it was open already. They may tell more
   * than was written to tables before a crash.
   */
  readonly events: readonly JournalRecord[] | null;
}

/** What became of records that were handed over. Only `taken` changed anything. */
export type Append =
  | {
      readonly kind: 'taken';
      /** The new records that are not output: what the life of the execution depends on. */
      readonly events: readonly JournalRecord[];
      /** Where the journal stands with these records. */
      readonly position: JournalPosition;
      /** Resolves when the records are on disk; rejects with `storage-full` when they could not be kept. */
      readonly stored: Promise<JournalPosition>;
    }
  /** All of it was here already; `next` is what is stored for good. */
  | { readonly kind: 'duplicate'; readonly next: number }
  /** Something before it is missing: ask for everything from `next` on. */
  | { readonly kind: 'gap'; readonly next: number }
  /** The bytes are not whole, sound, gapless records. */
  | { readonly kind: 'corrupt'; readonly next: number }
  /** Another attempt owns this journal, or nobody opened it. */
  | { readonly kind: 'fenced' };

export interface ReadOptions {
  /** Byte offset of the first record wanted. */
  readonly from: number;
  /** Stop at this byte offset (a record boundary); absent: at what is stored. */
  readonly to?: number;
  /** Whether more may still come; asked whenever the end is reached. Absent: do not wait. */
  readonly mayGrow?: () => boolean;
  readonly signal?: AbortSignal;
}

/** The port to the journals of all operations. Nothing is shown to a reader before it is stored. */
export interface Journals {
  /** Starts the journal of an attempt that nothing was ever stored of. Older attempts are fenced off from here on. */
  begin(operation: string, attempt: number): void;
  /** Opens a journal that may exist, cutting off what a crash left torn, and says where it stands. Idempotent. */
  open(operation: string, attempt: number): Promise<OpenedJournal>;
  /** Takes whole records in order; decides at once, stores in the background. */
  append(operation: string, attempt: number, records: Uint8Array): Append;
  /** Lets go of a journal that nothing more will be appended to, after storing what was taken. Wakes its readers. */
  release(operation: string): Promise<void>;
  /** Where an open journal stands on disk; null when it is not open. */
  stored(operation: string): JournalPosition | null;
  /** Stored bytes; 0 when there is no journal. */
  size(operation: string): Promise<number>;
  /**
   * Reads whole records. Rejects with `range-not-satisfiable` for an offset behind the end and with `invalid-input` for
   * one that is not the start of a record, both naming `query.from`. A slow consumer costs no memory: it pulls.
   */
  read(operation: string, options: ReadOptions): Promise<AsyncIterable<Uint8Array>>;
  /** The last record boundary that is at most `limit` bytes behind `from`, but at least one record further. */
  boundary(operation: string, from: number, limit: number): Promise<number>;
  /** Wakes the readers of a journal, so that they ask again whether more may come. */
  wake(operation: string): void;
  /** Stores what was taken and closes all files. */
  stop(): Promise<void>;
}
