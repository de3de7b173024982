import type { Clock } from '../../protocol/clock.ts';

/** Least, first and most bytes of journals that may be on their way without being acknowledged. */
const LEAST = 16 << 10;
const FIRST = 64 << 10;
const MOST = 8 << 20;
/** An acknowledgement that waited in line for less than this lets more be on its way… */
const SOON_MS = 500;
/** …and one that waited longer than this, less. */
const LATE_MS = 2_000;
/** No way takes longer than this by itself: what is slower waits in line. */
const LONGEST_WAY_MS = 800;

interface Sent {
  /** Number after the last record of the frame. */
  readonly next: number;
  readonly bytes: number;
  readonly at: number;
}

/**
 * How much of the journals is on its way. On a slow link everything that is written waits in line, heartbeats too: with too
 * much in front of them, both ends would take each other for dead. So the amount follows how soon the other end
 * acknowledges; on a fast link it never matters. What the way itself takes is no wait in line: over a satellite nothing is
 * acknowledged sooner, however little was sent.
 */
export class SendWindow {
  readonly #clock: Clock;
  /** By journal, in order. */
  readonly #sent = new Map<string, Sent[]>();
  #inFlight = 0;
  #limit = FIRST;
  #shrunkAt = Number.NEGATIVE_INFINITY;
  /** What the way there and back takes at most: the quickest acknowledgement of this session. */
  #wayMs = LONGEST_WAY_MS;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get isOpen(): boolean {
    return this.#inFlight < this.#limit;
  }

  /** Bytes that may be on their way now. */
  get limit(): number {
    return this.#limit;
  }

  sent(key: string, next: number, bytes: number): void {
    const frame = { next, bytes, at: this.#clock.monotonic() };
    const frames = this.#sent.get(key);
    if (frames) frames.push(frame);
    else this.#sent.set(key, [frame]);
    this.#inFlight += bytes;
  }

  /** Records of this journal below `next` have arrived. */
  acknowledged(key: string, next: number): void {
    const now = this.#clock.monotonic();
    const frames = this.#sent.get(key) ?? [];
    const waiting = frames.findIndex((frame) => frame.next > next);
    const arrived = frames.splice(0, waiting < 0 ? frames.length : waiting);
    if (frames.length === 0) this.#sent.delete(key);
    const bytes = sum(arrived);
    this.#inFlight -= bytes;
    const latest = arrived.at(-1)?.at ?? now;
    if (bytes === 0) return;
    this.#wayMs = Math.min(this.#wayMs, now - latest);
    const waited = now - latest - this.#wayMs;
    if (waited <= SOON_MS) this.#limit = Math.min(MOST, this.#limit + bytes);
    // Once for all that was on its way: what is acknowledged next was sent before this was known.
    else if (waited > LATE_MS && latest > this.#shrunkAt) {
      this.#limit = Math.max(LEAST, this.#limit / 2);
      this.#shrunkAt = now;
    }
  }

  /** This journal is sent no more, or from another place. */
  forget(key: string): void {
    this.#inFlight -= sum(this.#sent.get(key) ?? []);
    this.#sent.delete(key);
  }
}

function sum(frames: readonly Sent[]): number {
  return frames.reduce((total, { bytes }) => total + bytes, 0);
}
