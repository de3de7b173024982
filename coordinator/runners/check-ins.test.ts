import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import type { LiveEvent } from '../../protocol/api/live.ts';
import { manualClock } from '../../protocol/clock.ts';
import type { Presence, ReplicaPresence } from '../presence.ts';
import { announceCheckIns } from './check-ins.ts';

/** The port with two replicas of one Runner, of which the test says when they were heard of. */
function listening(heard: boolean) {
  const clock = manualClock();
  const events: LiveEvent[] = [];
  const [runner, steady, silent] = [randomUUID(), randomUUID(), randomUUID()];
  const lastSeen = new Map<string, number | null>([
    [steady, null],
    [silent, null],
  ]);
  const replicas = () => [...lastSeen].map(([replicaId, at]) => ({ replicaId, lastSeen: at }) as ReplicaPresence);
  const stop = announceCheckIns({
    clock,
    live: { heard, publish: (event) => events.push(event) },
    presence: { ofRunner: replicas } as unknown as Presence,
    runnerIds: () => [runner],
  });
  return { clock, events, lastSeen, steady, silent, stop };
}

test('says every five seconds which replicas were heard of since, and nothing when none was', () => {
  const { clock, events, lastSeen, steady, silent, stop } = listening(true);
  lastSeen.set(steady, clock.now() + 1000);
  lastSeen.set(silent, clock.now() + 2000);
  clock.advance(5000);
  expect(events).toHaveLength(1);
  lastSeen.set(steady, clock.now() + 3000);
  clock.advance(5000);
  const at = new Date(clock.now() - 2000).toISOString();
  expect(events.slice(1)).toEqual([{ topic: 'checkins', seen: { [steady]: at } }]);
  clock.advance(60_000);
  expect(events).toHaveLength(2);
  stop();
});

test('makes nothing while nobody listens', () => {
  const { clock, events, lastSeen, steady } = listening(false);
  lastSeen.set(steady, clock.now() + 1000);
  clock.advance(5000);
  expect(events).toEqual([]);
});
