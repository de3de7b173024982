import type { Clock, Timer } from '../../protocol/clock.ts';

/** A Runner is announced at most so often, in milliseconds: four times a second. */
const ANNOUNCE_EVERY_MS = 250;

/** Lets each Runner's changes out at a bounded rate: the first at once, what follows together a little later. */
export class Announcer {
  readonly #clock: Clock;
  readonly #announce: (runnerId: string) => void;
  readonly #waiting = new Map<string, { timer: Timer; again: boolean }>();

  constructor(clock: Clock, announce: (runnerId: string) => void) {
    this.#clock = clock;
    this.#announce = announce;
  }

  /** Something of the Runner changed. */
  touch(runnerId: string): void {
    const waiting = this.#waiting.get(runnerId);
    if (waiting !== undefined) {
      waiting.again = true;
      return;
    }
    const timer = this.#clock.after(ANNOUNCE_EVERY_MS, () => {
      const again = this.#waiting.get(runnerId)?.again ?? false;
      this.#waiting.delete(runnerId);
      if (again) this.touch(runnerId);
    });
    this.#waiting.set(runnerId, { timer, again: false });
    this.#announce(runnerId);
  }

  /** The Runner is gone: nothing more is said of it. */
  forget(runnerId: string): void {
    this.#waiting.get(runnerId)?.timer.cancel();
    this.#waiting.delete(runnerId);
  }

  stop(): void {
    for (const id of [...this.#waiting.keys()]) this.forget(id);
  }
}
