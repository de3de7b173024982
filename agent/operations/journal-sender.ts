import type { Clock } from '../../protocol/clock.ts';
import { FRAME_HEADER_BYTES, journalFrameHeader } from '../../protocol/wire.ts';
import type { SessionLink } from '../connection/session-link.ts';
import type { Log } from '../log.ts';
import { SendWindow } from './send-window.ts';
import type { Spool, WrittenBatch, WrittenRecord } from './spool.ts';

/** Records per frame: large enough to be cheap, small enough that a heartbeat does not wait behind it. */
const FRAME_BYTES = 256 << 10;
/** Journals that are read back at the same time: each needs an open file and a buffer. */
const READS_AT_ONCE = 8;
/** Buffers that are kept for the next frames. */
const SPARE_BUFFERS = 4;

/** One operation whose records are sent in this session. */
interface Stream {
  readonly key: string;
  readonly operation: string;
  readonly header: Uint8Array;
  readonly spool: Spool;
  /** Number of the next record to send. */
  cursor: number;
  reading: boolean;
  /** It could not be read: left alone until the next session. */
  broken: boolean;
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
  /** Frames are built in buffers that are used again once they have left: 200 MB of output leave no 200 MB of garbage. */
  readonly #spare: Buffer[] = [];
  readonly #window: SendWindow;
  #turn = 0;
  #reads = 0;
  #stopped = false;

  constructor(link: SessionLink, log: Log, clock: Clock) {
    this.#link = link;
    this.#log = log;
    this.#window = new SendWindow(clock);
  }

  /** Sends records of an operation from number `from` on, as they come; again from there when it is sent already. */
  start(key: string, operation: string, attempt: number, spool: Spool, from: number): void {
    const known = this.#streams.get(key);
    if (known) {
      this.#window.forget(key);
      known.cursor = from;
    } else {
      const header = journalFrameHeader(operation, attempt);
      this.#streams.set(key, { key, operation, header, spool, cursor: from, reading: false, broken: false });
    }
    this.pump();
  }

  drop(key: string): void {
    this.#streams.delete(key);
    this.#window.forget(key);
    this.pump();
  }

  /** Records of this journal below `next` have arrived: there is room for more. */
  acknowledged(key: string, next: number): void {
    this.#window.acknowledged(key, next);
    this.pump();
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
    if (!stream.reading && stream.cursor === batch.first) this.#sendWritten(stream, batch.records);
    if (stream.cursor < stream.spool.written) this.pump();
  }

  /** Sends what can be sent now. Called again when the link has room. */
  pump(): void {
    const streams = [...this.#streams.values()].filter((s) => !s.reading && !s.broken && s.cursor < s.spool.written);
    if (streams.length === 0) return;
    // Each takes its turn at being first, so that one that floods does not starve the others.
    this.#turn = (this.#turn + 1) % streams.length;
    for (let i = 0; i < streams.length; i++) {
      const stream = streams[(this.#turn + i) % streams.length];
      if (stream === undefined || this.#stopped || !this.#canSend() || this.#reads >= READS_AT_ONCE) return;
      void this.#readAndSend(stream);
    }
  }

  /** Sends records that are still in memory, as far as the link takes them now. */
  #sendWritten(stream: Stream, records: readonly WrittenRecord[]): void {
    let at = 0;
    while (at < records.length && this.#canSend()) {
      const from = at;
      let bytes = 0;
      for (; at < records.length; at++) {
        const { header, payload } = records[at] as WrittenRecord;
        const length = header.length + payload.length;
        if (at > from && bytes + length > this.#frameBytes) break;
        bytes += length;
      }
      const room = this.#takeBuffer(FRAME_HEADER_BYTES + bytes);
      let end = FRAME_HEADER_BYTES;
      for (const { header, payload } of records.slice(from, at)) {
        room.set(header, end);
        room.set(payload, end + header.length);
        end += header.length + payload.length;
      }
      stream.cursor += at - from;
      this.#send(stream, room, room.subarray(0, end));
    }
  }

  async #readAndSend(stream: Stream): Promise<void> {
    stream.reading = true;
    this.#reads += 1;
    try {
      while (!this.#stopped && this.#canSend()) {
        const from = stream.cursor;
        const room = this.#takeBuffer(FRAME_HEADER_BYTES + FRAME_BYTES);
        const part = room.subarray(0, FRAME_HEADER_BYTES + this.#frameBytes);
        const found = await stream.spool.read(from, part, FRAME_HEADER_BYTES);
        // Also when it was told to start elsewhere, or the session ended, while the disk answered.
        if (found === null || this.#stopped || stream.cursor !== from) {
          this.#giveBuffer(room);
          if (found === null || this.#stopped) break;
          continue;
        }
        stream.cursor = found.next;
        this.#send(stream, room, found.bytes);
      }
    } catch (error) {
      stream.broken = true;
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

  #canSend(): boolean {
    return this.#link.canSend() && this.#window.isOpen;
  }

  /** Bytes of records that a frame may hold now: on a slow link less, so that acknowledgements come while it is busy. */
  get #frameBytes(): number {
    return Math.min(FRAME_BYTES, this.#window.limit / 4);
  }

  #send(stream: Stream, room: Buffer, frame: Buffer): void {
    frame.set(stream.header);
    this.#window.sent(stream.key, stream.cursor, frame.length);
    this.#link.sendFrame(frame, () => this.#giveBuffer(room));
  }

  #takeBuffer(bytes: number): Buffer {
    if (bytes < FRAME_BYTES / 8) return Buffer.allocUnsafe(bytes);
    const size = FRAME_HEADER_BYTES + FRAME_BYTES;
    return (bytes <= size ? this.#spare.pop() : undefined) ?? Buffer.allocUnsafe(Math.max(bytes, size));
  }

  #giveBuffer(room: Buffer): void {
    if (room.length === FRAME_HEADER_BYTES + FRAME_BYTES && this.#spare.length < SPARE_BUFFERS) this.#spare.push(room);
  }
}
