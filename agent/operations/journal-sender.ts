import { journalFrameHeader } from '../../protocol/wire.ts';
import type { SessionLink } from '../connection/session-link.ts';
import type { Log } from '../log.ts';
import type { Spool, WrittenBatch } from './spool.ts';

/** Records per frame: large enough to be cheap, small enough that a heartbeat does not wait behind it. */
const FRAME_BYTES = 256 << 10;
/** Journals that are read back at the same time: each needs an open file and a buffer. */
const READS_AT_ONCE = 8;

/** One operation whose records are sent in this session. */
interface Stream {
  readonly operation: string;
  readonly attempt: number;
  readonly header: Uint8Array;
  readonly spool: Spool;
  /** Number of the next record to send. */
  cursor: number;
  reading: boolean;
}

/**
 * Sends journals over one session, from where the other end needs them. What was just written and is next in line goes out
 * from memory; anything else is read back from the file, so that nothing piles up here while the link is slow or down.
 * Operations take turns.
 */
export class JournalSender {
  readonly #link: SessionLink;
  readonly #log: Log;
  readonly #streams = new Map<string, Stream>();
  #turn = 0;
  #reads = 0;
  #stopped = false;

  constructor(link: SessionLink, log: Log) {
    this.#link = link;
    this.#log = log;
  }

  /** Sends records of an operation from number `from` on, as they come; again from there when it is sent already. */
  start(key: string, operation: string, attempt: number, spool: Spool, from: number): void {
    const known = this.#streams.get(key);
    if (known) known.cursor = from;
    else {
      const header = journalFrameHeader(operation, attempt);
      this.#streams.set(key, { operation, attempt, header, spool, cursor: from, reading: false });
    }
    this.pump();
  }

  drop(key: string): void {
    this.#streams.delete(key);
  }

  /** The session is over: nothing is sent any more. */
  stop(): void {
    this.#stopped = true;
    this.#streams.clear();
  }

  /** Tells that records were written to a spool. */
  wrote(key: string, batch: WrittenBatch): void {
    const stream = this.#streams.get(key);
    if (stream === undefined || this.#stopped) return;
    if (stream.cursor === batch.first && !stream.reading && this.#link.canSend() && batch.bytes <= FRAME_BYTES) {
      stream.cursor = batch.next;
      this.#send(stream, batch.buffers, batch.bytes);
      return;
    }
    this.pump();
  }

  /** Sends what can be sent now. Called again when the link has room. */
  pump(): void {
    const streams = [...this.#streams.values()].filter((s) => !s.reading && s.cursor < s.spool.written);
    if (streams.length === 0) return;
    // Each takes its turn at being first, so that one that floods does not starve the others.
    this.#turn = (this.#turn + 1) % streams.length;
    for (let i = 0; i < streams.length; i++) {
      const stream = streams[(this.#turn + i) % streams.length];
      if (stream === undefined || this.#stopped || !this.#link.canSend() || this.#reads >= READS_AT_ONCE) return;
      void this.#readAndSend(stream);
    }
  }

  async #readAndSend(stream: Stream): Promise<void> {
    stream.reading = true;
    this.#reads += 1;
    try {
      while (!this.#stopped && this.#link.canSend()) {
        const from = stream.cursor;
        const found = await stream.spool.read(from, FRAME_BYTES);
        if (found === null || this.#stopped) break;
        // It was told to start elsewhere while the disk answered.
        if (stream.cursor !== from) continue;
        stream.cursor = found.next;
        this.#send(stream, [found.records], found.records.length);
      }
    } catch (error) {
      // Its file was deleted under the read, because all of it was acknowledged; anything else must be seen.
      if (!this.#stopped && [...this.#streams.values()].includes(stream)) {
        this.#log.error('A journal could not be read back.', {
          operation: stream.operation,
          detail: error instanceof Error ? error.message : String(error),
        });
      }
    } finally {
      stream.reading = false;
      this.#reads -= 1;
      // Others that wait for their turn, or what was written while the last read was under way.
      this.pump();
    }
  }

  #send(stream: Stream, buffers: readonly Uint8Array[], bytes: number): void {
    this.#link.sendFrame(Buffer.concat([stream.header, ...buffers], stream.header.length + bytes));
  }
}
