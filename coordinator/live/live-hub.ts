import { Readable } from 'node:stream';
import { LIVE_BEAT_MS, type LiveEvent } from '../../protocol/api/live.ts';
import type { Clock, Timer } from '../../protocol/clock.ts';
import type { Live } from './live.ts';

/** What may wait for one reader, in bytes. One that is slower is cut off: it reads its lists again, as after any break. */
const MAX_WAITING_BYTES = 8 << 20;
/** How long a reader waits before it connects again, in milliseconds. */
const RETRY_MS = 1000;

/** Says each change to every console that listens, as server-sent events. */
export class LiveHub implements Live {
  readonly #clock: Clock;
  readonly #readers = new Set<Readable>();
  readonly #beat: Timer;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#beat = clock.every(LIVE_BEAT_MS, () => this.#sendAll(this.#beatText()));
  }

  get heard(): boolean {
    return this.#readers.size > 0;
  }

  publish(event: LiveEvent): void {
    if (this.heard) this.#sendAll(`event: change\ndata: ${JSON.stringify(event)}\n\n`);
  }

  /** A stream of events from now on. It ends when the hub stops and breaks when its reader is too slow. */
  subscribe(): Readable {
    const reader = new Readable({ read: () => undefined, highWaterMark: 64 << 10 });
    this.#readers.add(reader);
    reader.once('close', () => this.#readers.delete(reader));
    reader.push(`retry: ${RETRY_MS}\n\n${this.#beatText()}`);
    return reader;
  }

  /** Ends every stream. */
  stop(): void {
    this.#beat.cancel();
    for (const reader of this.#readers) reader.push(null);
    this.#readers.clear();
  }

  #beatText(): string {
    return `event: beat\ndata: ${JSON.stringify({ time: new Date(this.#clock.now()).toISOString() })}\n\n`;
  }

  #sendAll(text: string): void {
    const bytes = Buffer.from(text);
    for (const reader of this.#readers) {
      if (reader.readableLength + bytes.length > MAX_WAITING_BYTES) reader.destroy();
      else reader.push(bytes);
    }
  }
}
