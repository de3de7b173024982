import { close, constants, fdatasync, open } from 'node:fs';
import { promisify } from 'node:util';

const openFile = promisify(open);
const closeFile = promisify(close);
const flush = promisify(fdatasync);

/** What makes commits durable. */
export interface CommitLog {
  /** Resolves when all that was committed before the call is on disk. When it rejects, nobody knows what is. */
  sync(): Promise<void>;
  close(): Promise<void>;
}

/** The write-ahead log of a database: makes commits durable without keeping the event loop waiting for the disk. */
export class WriteAheadLog implements CommitLog {
  readonly #path: string;
  #descriptor: number | null = null;

  /** `database`: its file. SQLite keeps the log beside it, the same file as long as a connection is open. */
  constructor(database: string) {
    this.#path = `${database}-wal`;
  }

  async sync(): Promise<void> {
    this.#descriptor ??= await openFile(this.#path, constants.O_RDWR);
    await flush(this.#descriptor);
  }

  async close(): Promise<void> {
    const descriptor = this.#descriptor;
    this.#descriptor = null;
    if (descriptor !== null) await closeFile(descriptor);
  }
}
