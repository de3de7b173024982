import type { QueryClient } from '@tanstack/react-query';
import type { Clock } from '../../protocol/clock.ts';
import { api } from './api-client.ts';
import { heard, lost } from './connection-store.ts';
import { noteCoordinatorTime } from './coordinator-clock.ts';
import { createLiveCache } from './live-cache.ts';
import { startLiveStream } from './live-stream.ts';

/**
 * Keeps everything on screen fresh while someone is signed in: events patch the caches, and after each (re)connect all
 * that is shown is read again, for events are not kept while nobody listens.
 */
export function connectLive(client: QueryClient, clock: Clock): { stop(): void } {
  const cache = createLiveCache(client, clock);
  const stream = startLiveStream({
    open: (signal) => api.open('live', {}, { signal, headers: { Accept: 'text/event-stream' } }),
    clock,
    random: Math.random,
    onHeard: () => heard(clock.now()),
    onOpen: () => void client.invalidateQueries(),
    onBeat: noteCoordinatorTime,
    onEvents: cache.push,
    onLost(_error, stopped) {
      if (stopped) void client.resetQueries({ queryKey: ['me'] });
      else lost(clock.now());
    },
  });
  const wake = () => stream.wake();
  globalThis.addEventListener('online', wake);
  return {
    stop() {
      globalThis.removeEventListener('online', wake);
      stream.stop();
      cache.stop();
    },
  };
}
