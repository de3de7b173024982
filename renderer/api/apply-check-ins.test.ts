import { QueryClient } from '@tanstack/react-query';
import { expect, test } from 'vitest';
import type { Replica, Runner } from '../../protocol/api/runners.ts';
import { sampleRunner } from '../runners/sample-runner.ts';
import { applyLiveEvents } from './apply-live-event.ts';
import { runnerKeys } from './runner-queries.ts';

const EARLY = '2026-11-23T20:00:00.000Z';
const LATE = '2026-11-23T20:00:05.000Z';

test('a check-in moves the time of its replica and its Runner, and leaves every other Runner as it is', () => {
  const client = new QueryClient();
  const replica = (id: string) => ({ id, lastSeen: EARLY }) as Replica;
  const beats: Runner = sampleRunner({ id: 'a', lastCheckin: EARLY, replicas: [replica('a1'), replica('a2')] });
  const rests: Runner = sampleRunner({ id: 'b', lastCheckin: EARLY, replicas: [replica('b1')] });
  client.setQueryData(runnerKeys.list, [beats, rests]);
  client.setQueryData(runnerKeys.detail('a'), beats);
  applyLiveEvents(client, [{ topic: 'checkins', seen: { a2: LATE } }]);
  const list = client.getQueryData<Runner[]>(runnerKeys.list);
  expect(list?.[0]).toMatchObject({ lastCheckin: LATE, replicas: [{ lastSeen: EARLY }, { lastSeen: LATE }] });
  expect(list?.[1]).toBe(rests);
  expect(client.getQueryData<Runner>(runnerKeys.detail('a'))?.lastCheckin).toBe(LATE);
});
