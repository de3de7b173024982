import type { QueryClient } from '@tanstack/react-query';
import type { LiveEvent } from '../../protocol/api/live.ts';
import type { Clock, Timer } from '../../protocol/clock.ts';
import { applyLiveEvents } from './apply-live-event.ts';

/** Events are gathered this long before the screens see them, so that a thousand of them cost one render. Milliseconds. */
const GATHER_MS = 50;

/**
 * Brings live events into the caches, in batches. An answer that was asked for before an event and comes after it is
 * older than the event: such events are applied once more on top of it.
 */
export function createLiveCache(client: QueryClient, clock: Clock): { push(events: LiveEvent[]): void; stop(): void } {
  let waiting: LiveEvent[] = [];
  let timer: Timer | null = null;
  /** What happened while a query was being read, by its hash. */
  const duringFetch = new Map<string, LiveEvent[]>();

  const unsubscribe = client.getQueryCache().subscribe((change) => {
    if (change.type === 'removed') duringFetch.delete(change.query.queryHash);
    if (change.type !== 'updated') return;
    const hash = change.query.queryHash;
    if (change.action.type === 'fetch') duringFetch.set(hash, []);
    else if (change.action.type === 'error') duringFetch.delete(hash);
    else if (change.action.type === 'success' && !change.action.manual) {
      const events = duringFetch.get(hash) ?? [];
      duringFetch.delete(hash);
      // Not now: the cache is in the middle of telling its observers.
      if (events.length > 0) clock.after(0, () => applyLiveEvents(client, events));
    }
  });

  const flush = () => {
    timer = null;
    const events = waiting;
    waiting = [];
    for (const missed of duringFetch.values()) missed.push(...events);
    applyLiveEvents(client, events);
  };

  return {
    push(events) {
      waiting.push(...events);
      timer ??= clock.after(GATHER_MS, flush);
    },
    stop() {
      unsubscribe();
      timer?.cancel();
    },
  };
}
