import type { Clock } from './clock.ts';

/** A disk that took longer than this for its last flush, in milliseconds, is never waited for in the event loop. */
const QUICK_MS = 2;

/**
 * Decides where a flush of a file is waited for. On a quick disk the detour over another thread takes as long as the flush
 * itself; on a slow one a wait in the event loop would hold up everything else. What counts is how long the last one took.
 */
export class QuickDisk {
  readonly #clock: Pick<Clock, 'monotonic'>;
  #tookMs = Number.POSITIVE_INFINITY;

  constructor(clock: Pick<Clock, 'monotonic'>) {
    this.#clock = clock;
  }

  /**
   * Flushes `inPlace` when the disk is quick and nothing else waits that could go on meanwhile (`alone`), else `beside` the
   * event loop. Rejects with what the flush throws.
   */
  async flush(alone: boolean, inPlace: () => void, beside: () => Promise<unknown>): Promise<void> {
    const begun = this.#clock.monotonic();
    try {
      if (alone && this.#tookMs < QUICK_MS) inPlace();
      else await beside();
    } finally {
      this.#tookMs = this.#clock.monotonic() - begun;
    }
  }
}
