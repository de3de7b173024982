import type { Clock } from '../../protocol/clock.ts';
import { HEARTBEAT_MS } from '../../protocol/status.ts';
import type { Live } from '../live/live.ts';
import type { Presence } from '../presence.ts';
import { isoTime } from '../store/stored-forms.ts';

export interface CheckInDeps {
  readonly clock: Clock;
  readonly live: Live;
  readonly presence: Presence;
  /** Every Runner that there is. */
  runnerIds(): Iterable<string>;
}

/**
 * Tells the consoles every five seconds which replicas were heard of since. "Last check-in" would count up on a screen
 * otherwise while the Runner beats, and a heartbeat must not cost an event of its own. Returns what ends it.
 */
export function announceCheckIns({ clock, live, presence, runnerIds }: CheckInDeps): () => void {
  let since = clock.now();
  const timer = clock.every(HEARTBEAT_MS, () => {
    const until = clock.now();
    if (live.heard) {
      const seen: Record<string, string> = {};
      for (const runnerId of runnerIds()) {
        for (const { replicaId, lastSeen } of presence.ofRunner(runnerId)) {
          if (lastSeen !== null && lastSeen >= since) seen[replicaId] = isoTime(lastSeen);
        }
      }
      if (Object.keys(seen).length > 0) live.publish({ topic: 'checkins', seen });
    }
    since = until;
  });
  return () => timer.cancel();
}
