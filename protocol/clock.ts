/**
 * Time as a port. Product code never calls `Date.now()` or `setTimeout` itself, so that tests can move time instead of
 * waiting for it.
 */
export interface Timer {
  /** Stops the timer; calling it again, or after it fired, does nothing. */
  cancel(): void;
}

export interface Clock {
  /** Milliseconds since the Unix epoch, UTC. May jump when the host's clock is set. */
  now(): number;
  /** Milliseconds on a clock that never goes back; for durations and deadlines. */
  monotonic(): number;
  /** Calls `callback` once, `ms` milliseconds from now. Does not keep a process alive by itself. */
  after(ms: number, callback: () => void): Timer;
  /** Calls `callback` every `ms` milliseconds until cancelled. Does not keep a process alive by itself. */
  every(ms: number, callback: () => void): Timer;
}

interface HostTimers {
  setTimeout(callback: () => void, ms: number): unknown;
  clearTimeout(handle: never): void;
  setInterval(callback: () => void, ms: number): unknown;
  clearInterval(handle: never): void;
  performance: { now(): number };
  Date: { now(): number };
}

function unref(handle: unknown): void {
  if (typeof handle === 'object' && handle !== null && 'unref' in handle && typeof handle.unref === 'function') {
    (handle as { unref(): void }).unref();
  }
}

/** The host's own clock. */
export function systemClock(host: HostTimers = globalThis as unknown as HostTimers): Clock {
  return {
    now: () => host.Date.now(),
    monotonic: () => host.performance.now(),
    after(ms, callback) {
      // Node turns delays above 2^31-1 ms into 1 ms: clamp, a timer that fires after 24 days is early, not wrong.
      const handle = host.setTimeout(callback, Math.min(Math.max(0, ms), 2_147_483_647));
      unref(handle);
      return { cancel: () => host.clearTimeout(handle as never) };
    },
    every(ms, callback) {
      const handle = host.setInterval(callback, ms);
      unref(handle);
      return { cancel: () => host.clearInterval(handle as never) };
    },
  };
}

/** A clock that stands still until it is told to move. For tests and simulations. */
export interface ManualClock extends Clock {
  /** Moves time forward by `ms`, firing every timer that falls due, in order of their due time. */
  advance(ms: number): void;
  /** Sets the wall clock without firing timers: what a host does when its clock is corrected. */
  jump(ms: number): void;
  /** Lets time pass in which nothing runs: every timer is late by `ms` when it fires next. */
  stall(ms: number): void;
}

/** Makes a {@link ManualClock} that starts at `start` (milliseconds since the epoch). */
export function manualClock(start = 1_800_000_000_000): ManualClock {
  interface Entry {
    due: number;
    order: number;
    period: number | null;
    callback: () => void;
  }
  let elapsed = 0;
  let wall = start;
  let order = 0;
  const entries = new Set<Entry>();
  const add = (ms: number, period: number | null, callback: () => void): Timer => {
    const entry: Entry = { due: elapsed + Math.max(0, ms), order: order++, period, callback };
    entries.add(entry);
    return { cancel: () => void entries.delete(entry) };
  };
  return {
    now: () => wall,
    monotonic: () => elapsed,
    after: (ms, callback) => add(ms, null, callback),
    every: (ms, callback) => add(ms, Math.max(1, ms), callback),
    jump: (ms) => {
      wall += ms;
    },
    stall(ms) {
      wall += ms;
      elapsed += ms;
      for (const entry of entries) entry.due = Math.max(entry.due, elapsed);
    },
    advance(ms) {
      const end = elapsed + ms;
      for (;;) {
        let next: Entry | undefined;
        for (const entry of entries) {
          if (entry.due > end) continue;
          if (!next || entry.due < next.due || (entry.due === next.due && entry.order < next.order)) next = entry;
        }
        if (!next) break;
        wall += next.due - elapsed;
        elapsed = next.due;
        if (next.period === null) entries.delete(next);
        else next.due += next.period;
        next.callback();
      }
      wall += end - elapsed;
      elapsed = end;
    },
  };
}
