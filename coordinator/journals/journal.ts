import { OutrunnerError } from '../../protocol/problems.ts';
import { checkRecords } from './check-records.ts';
import { JournalFile, type JournalFileHooks, makeJournalFile } from './journal-file.ts';
import type { JournalFolders } from './journal-folders.ts';
import type { JournalPieces } from './journal-pieces.ts';
import type { Append, JournalPosition } from './journals.ts';

/** Up to where a journal stays in the database. */
export interface ShortJournal {
  readonly bytes: number;
  readonly pieces: number;
}

export interface JournalHooks extends JournalFileHooks {
  readonly pieces: JournalPieces;
  readonly folders: JournalFolders;
  readonly short: ShortJournal;
  /** More is stored. */
  stored(): void;
}

/** What is stored of a journal, and where. */
export interface JournalState extends JournalPosition {
  /** The number of rows that it is; null: it is a file. */
  readonly pieces: number | null;
  /** Whether the database may have rows that are not of it. */
  readonly unclear?: boolean;
}

interface Waiting {
  readonly position: JournalPosition;
  resolve(position: JournalPosition): void;
  reject(error: unknown): void;
}

/**
 * The appending end of one journal. `taken` runs ahead of `stored`: everything that arrives while a flush is under way
 * goes into the next one, so that any number of records share one.
 *
 * It begins as rows of the database. When it becomes longer than `short` it moves to a file, for good: first the file is
 * made durable with all that there is, under its name; then the rows are deleted. **As long as there are rows they are the
 * journal, and a file beside them is none**; so the commit that deletes them is the one moment at which it moves, and
 * nothing that is only in the file counts as stored before it.
 */
export class Journal {
  readonly operation: string;
  readonly path: string;
  attempt: number;
  stored: JournalPosition;
  #taken: JournalPosition;
  #pieces: number;
  #unclear: boolean;
  #file: JournalFile | null;
  #chunks: Uint8Array[] = [];
  #waiting: Waiting[] = [];
  #flushing: Promise<void> | null = null;
  readonly #hooks: JournalHooks;

  constructor(operation: string, path: string, attempt: number, state: JournalState, hooks: JournalHooks) {
    this.operation = operation;
    this.path = path;
    this.attempt = attempt;
    this.stored = { next: state.next, bytes: state.bytes };
    this.#taken = this.stored;
    this.#pieces = state.pieces ?? 0;
    this.#unclear = state.unclear ?? false;
    this.#file = state.pieces === null ? new JournalFile(path, hooks) : null;
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

  /** Waits until everything taken is stored (or has failed), then closes the file. */
  async close(): Promise<void> {
    await this.#flushing;
    await this.#file?.close();
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
        await this.#store(chunks, goal);
        this.stored = goal;
        for (const one of waiting) one.resolve(one.position);
        this.#hooks.stored();
      } catch (error) {
        // Back to what is certain. What was taken meanwhile builds on what is lost, so it goes as well; all of it comes
        // again, because none of it was acknowledged.
        this.#taken = this.stored;
        const lost = [...waiting, ...this.#waiting];
        this.#chunks = [];
        this.#waiting = [];
        for (const one of lost) one.reject(error);
      }
    }
    await this.#file?.rest();
    this.#flushing = null;
    // Something may have been taken while the file was being closed.
    if (this.#chunks.length > 0) this.#flushing = this.#flush();
  }

  async #store(chunks: readonly Uint8Array[], goal: JournalPosition): Promise<void> {
    const { pieces, short } = this.#hooks;
    if (this.#file !== null) return this.#file.append(chunks, this.stored.bytes);
    if (goal.bytes > short.bytes || this.#pieces >= short.pieces) return this.#moveToFile(chunks);
    const clear = this.#unclear;
    // Until it has succeeded nobody knows what is there.
    this.#unclear = true;
    await pieces.add({ operation_id: this.operation, number: this.stored.next, bytes: joined(chunks) }, clear);
    this.#unclear = false;
    this.#pieces += 1;
  }

  async #moveToFile(chunks: readonly Uint8Array[]): Promise<void> {
    const { folders, pieces } = this.#hooks;
    const known = this.#pieces === 0 ? new Uint8Array(0) : (await pieces.read(this.operation)).bytes;
    if (known.length < this.stored.bytes) {
      throw new OutrunnerError('internal', { detail: `The journal of operation ${this.operation} lacks rows.` });
    }
    // Not more than is certain: a failed write may have left a row behind.
    await makeJournalFile(this.path, [known.subarray(0, this.stored.bytes), ...chunks], folders);
    // From here on the file stays, whatever happens: should this fail only half, it holds all that was ever acknowledged.
    if (this.#pieces > 0 || this.#unclear) await pieces.remove(this.operation);
    this.#file = new JournalFile(this.path, this.#hooks);
  }
}

function joined(chunks: readonly Uint8Array[]): Uint8Array {
  const [first] = chunks;
  return first !== undefined && chunks.length === 1 ? first : Buffer.concat(chunks);
}
