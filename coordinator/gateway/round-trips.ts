import { randomUUID } from 'node:crypto';
import type { Clock } from '../../protocol/clock.ts';
import { OutrunnerError } from '../../protocol/problems.ts';
import type { ReplicaState } from './replica-state.ts';

/** Asks agents for a sign of life and measures how long the answer takes. */
export class RoundTrips {
  readonly #clock: Clock;
  readonly #waiting = new Map<string, { state: ReplicaState; sentAt: number; answered: (ms: number) => void }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Resolves to milliseconds; rejects with `runner-unreachable` after `timeoutMs`. */
  measure(state: ReplicaState, timeoutMs: number): Promise<number> {
    const { session } = state;
    if (session === null)
      return Promise.reject(new OutrunnerError('runner-unreachable', { detail: 'It is not connected.' }));
    const id = randomUUID();
    return new Promise((resolve, reject) => {
      const timer = this.#clock.after(timeoutMs, () => {
        this.#waiting.delete(id);
        reject(new OutrunnerError('runner-unreachable', { detail: `There was no answer within ${timeoutMs} ms.` }));
      });
      this.#waiting.set(id, {
        state,
        sentAt: this.#clock.monotonic(),
        answered: (ms) => {
          timer.cancel();
          this.#waiting.delete(id);
          resolve(ms);
        },
      });
      session.send({ type: 'ping', id });
    });
  }

  /** An agent answered. Returns false for an answer that nobody waits for. */
  answered(state: ReplicaState, id: string): boolean {
    const waiting = this.#waiting.get(id);
    if (waiting === undefined || waiting.state !== state) return false;
    const ms = this.#clock.monotonic() - waiting.sentAt;
    state.roundTripMs = Math.round(ms * 100) / 100;
    waiting.answered(state.roundTripMs);
    return true;
  }
}
