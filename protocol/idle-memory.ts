import type { Clock, Timer } from './clock.ts';

/** Quiet that has to last before memory is given back, in milliseconds. */
const QUIET_MS = 10_000;

/**
 * Gives memory back to the host when there is nothing to do: V8 collects what piled up only when more is asked for, and an
 * idle process asks for nothing. Collected once after each time of work; it takes some ten milliseconds.
 */
export class IdleMemory {
  readonly #clock: Clock;
  readonly #collect: () => void;
  #timer: Timer | null = null;

  constructor(clock: Clock, collect: () => void) {
    this.#clock = clock;
    this.#collect = collect;
  }

  /** Nothing is to be done from now on. Also for the start, which leaves much behind. */
  idle(): void {
    this.#timer ??= this.#clock.after(QUIET_MS, () => {
      this.#collect();
    });
  }

  /** There is work: what comes after it is collected again. */
  busy(): void {
    this.#timer?.cancel();
    this.#timer = null;
  }
}
