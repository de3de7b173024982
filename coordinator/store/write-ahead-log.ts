import { close, constants, fdatasync, fdatasyncSync, open } from 'node:fs';
import { promisify } from 'node:util';
import { type Clock, systemClock } from '../../protocol/clock.ts';
import { QuickDisk } from '../../protocol/quick-disk.ts';

const openFile = promisify(open);
const closeFile = promisify(close);
const flush = promisify(fdatasync);

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
  readonly #disk: QuickDisk;
  #descriptor: number | null = null;

  /** `database`: its file. SQLite keeps the log beside it, the same file as long as a connection is open. */
  constructor(database: string, clock: Pick<Clock, 'monotonic'> = systemClock()) {
    this.#disk = new QuickDisk(clock);
    this.#path = `${database}-wal`;
  }

  async sync(alone: boolean): Promise<void> {
    this.#descriptor ??= await openFile(this.#path, constants.O_RDWR);
    const descriptor = this.#descriptor;
    await this.#disk.flush(
      alone,
      () => fdatasyncSync(descriptor),
      () => flush(descriptor),
    );
  }

  async close(): Promise<void> {
    const descriptor = this.#descriptor;
    this.#descriptor = null;
    if (descriptor !== null) await closeFile(descriptor);
  }
}
