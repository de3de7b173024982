import { useSyncExternalStore } from 'react';
import { systemClock, type Timer } from '../../protocol/clock.ts';

/**
 * One ticker for every "12 s ago" on the screen: it runs only while something shows a time, and all of them change
 * together. It tells the coordinator's time, because that is what all times of the API are measured by.
 */
const clock = systemClock();
const listeners = new Set<() => void>();
let timer: Timer | null = null;
let skewMs = 0;
let shown = clock.now();

/** The coordinator's time now, as well as it is known. Milliseconds since the epoch. */
export function coordinatorNow(): number {
  return clock.now() + skewMs;
}

/** Notes what the coordinator's clock said just now. Jitter of the network below a second is left alone. */
export function noteCoordinatorTime(time: number): void {
  const skew = time - clock.now();
  if (Math.abs(skew - skewMs) > 1000) skewMs = skew;
}

function tick(): void {
  shown = coordinatorNow();
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  if (timer === null) {
    shown = coordinatorNow();
    timer = clock.every(1000, tick);
  }
  return () => {
    listeners.delete(listener);
    if (listeners.size > 0) return;
    timer?.cancel();
    timer = null;
  };
}

/** The coordinator's time, re-rendering once per second. */
export function useNow(): number {
  return useSyncExternalStore(subscribe, () => shown);
}
