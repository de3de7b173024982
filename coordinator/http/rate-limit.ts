import type { Clock } from '../../protocol/clock.ts';
import { OutrunnerError } from '../../protocol/problems.ts';

export interface RateLimitRule {
  /** So many attempts at once… */
  readonly burst: number;
  /** …and then one more each so many milliseconds. */
  readonly refillMs: number;
}

/** Callers that are remembered; beyond this the longest quiet one is forgotten. Bounds the memory an attacker can take. */
const REMEMBERED = 10_000;

/** Slows those who guess: a bucket of attempts for each key (an address, a name). */
export class RateLimit {
  readonly #clock: Clock;
  readonly #rule: RateLimitRule;
  readonly #buckets = new Map<string, { left: number; at: number }>();

  constructor(clock: Clock, rule: RateLimitRule) {
    this.#clock = clock;
    this.#rule = rule;
  }

  /** Takes one attempt of `key`. @throws OutrunnerError `too-many-requests`, saying in how many seconds there is another. */
  take(key: string): void {
    const now = this.#clock.monotonic();
    const { burst, refillMs } = this.#rule;
    const before = this.#buckets.get(key) ?? { left: burst, at: now };
    const left = Math.min(burst, before.left + (now - before.at) / refillMs);
    this.#buckets.delete(key);
    this.#buckets.set(key, { left: left >= 1 ? left - 1 : left, at: now });
    this.#forgetOldest();
    if (left < 1) throw new TooManyRequests(Math.max(1, Math.ceil(((1 - left) * refillMs) / 1000)));
  }

  /** Forgets what `key` has used up: it has proved itself. */
  forgive(key: string): void {
    this.#buckets.delete(key);
  }

  #forgetOldest(): void {
    if (this.#buckets.size <= REMEMBERED) return;
    const oldest = this.#buckets.keys().next();
    if (!oldest.done) this.#buckets.delete(oldest.value);
  }
}

/** `too-many-requests` that knows when to come back. */
export class TooManyRequests extends OutrunnerError {
  readonly retryAfterSeconds: number;

  constructor(retryAfterSeconds: number) {
    super('too-many-requests', { detail: `Too many attempts. Try again in ${retryAfterSeconds} seconds.` });
    this.retryAfterSeconds = retryAfterSeconds;
  }
}
