import { close, constants, fdatasync, fdatasyncSync, open } from 'node:fs';
import { promisify } from 'node:util';
import { type Clock, systemClock } from '../../protocol/clock.ts';

const openFile = promisify(open);
const closeFile = promisify(close);
const flush = promisify(fdatasync);

/** A disk that took longer than this for its last flush, in milliseconds, is never waited for in the event loop. */
const QUICK_MS = 2;

/** What makes commits durable. */
export interface CommitLog {
  /**
   * Resolves when all that was committed before the call is on disk. When it rejects, nobody knows what is. `alone`: nothing
   * else waits that could go on meanwhile.
   */
  sync(alone: boolean): Promise<void>;
  close(): Promise<void>;
}

/** The write-ahead log of a database: makes commits durable without keeping the event loop waiting for the disk. */
export class WriteAheadLog implements CommitLog {
  readonly #path: string;
  readonly #clock: Pick<Clock, 'monotonic'>;
  #descriptor: number | null = null;
  /** How long the last flush took. */
  #tookMs = Number.POSITIVE_INFINITY;

  /** `database`: its file. SQLite keeps the log beside it, the same file as long as a connection is open. */
  constructor(database: string, clock: Pick<Clock, 'monotonic'> = systemClock()) {
    this.#clock = clock;
    this.#path = `${database}-wal`;
  }

  async sync(alone: boolean): Promise<void> {
    this.#descriptor ??= await openFile(this.#path, constants.O_RDWR);
    const begun = this.#clock.monotonic();
    // On a quick disk, the detour over another thread takes as long as the flush.
    if (alone && this.#tookMs < QUICK_MS) fdatasyncSync(this.#descriptor);
    else await flush(this.#descriptor);
    this.#tookMs = this.#clock.monotonic() - begun;
  }

  async close(): Promise<void> {
    const descriptor = this.#descriptor;
    this.#descriptor = null;
    if (descriptor !== null) await closeFile(descriptor);
  }
}
