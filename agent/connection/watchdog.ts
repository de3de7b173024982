import type { Clock, Timer } from '../../protocol/clock.ts';

const LOOK_MS = 15_000;

/**
 * Watches something that must go on, with a timer of its own: whoever does it says by when it will be heard of again, and
 * when that has passed twice in a row, `onHang` is called. Twice, because after the host slept all timers are late.
 */
export class Watchdog {
  readonly #clock: Clock;
  readonly #timer: Timer;
  #dueBy = Number.POSITIVE_INFINITY;
  #wasLate = false;

  constructor(clock: Clock, onHang: () => void) {
    this.#clock = clock;
    this.#timer = clock.every(LOOK_MS, () => {
      const isLate = clock.monotonic() > this.#dueBy;
      if (isLate && this.#wasLate) {
        this.expectWithin(LOOK_MS);
        onHang();
        return;
      }
      this.#wasLate = isLate;
    });
  }

  /** It goes on, and will be heard of again within `ms` milliseconds. */
  expectWithin(ms: number): void {
    this.#dueBy = this.#clock.monotonic() + ms;
    this.#wasLate = false;
  }

  stop(): void {
    this.#timer.cancel();
  }
}
