import { useSyncExternalStore } from 'react';
import { systemClock, type Timer } from '../../protocol/clock.ts';
import { coordinatorNow } from '../api/coordinator-clock.ts';

/**
 * One ticker for every "12 s ago" on the screen: it runs only while something shows a time, and all of them change
 * together. It tells the coordinator's time, because that is what all times of the API are measured by.
 */
const clock = systemClock();
const listeners = new Set<() => void>();
let timer: Timer | null = null;
let shown = coordinatorNow();

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
