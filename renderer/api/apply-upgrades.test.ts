import type { QueryClient } from '@tanstack/react-query';
import { expect, test } from 'vitest';
import type { LiveEvent } from '../../protocol/api/live.ts';
import type { Upgrade, UpgradeProgress, UpgradeSummary } from '../../protocol/api/upgrades.ts';
import { sampleUpgrade, sampleUpgradeReplica } from '../upgrades/sample-upgrade.ts';
import { applyLiveEvents } from './apply-live-event.ts';
import { createQueryClient } from './query-client.ts';
import { upgradeKeys } from './upgrade-queries.ts';

/** What an event says of an upgrade: everything but its replicas. */
function summary({ replicas: _, ...rest }: Upgrade): UpgradeSummary {
  return rest;
}
function said(upgrade: Upgrade, replicas: UpgradeProgress[] = []): LiveEvent {
  return { topic: 'upgrade', action: 'updated', id: upgrade.id, upgrade: summary(upgrade), replicas };
}
const at = (minute: number) => `2026-11-23T20:0${minute}:00.000Z`;

test('an upgrade that goes on is put in its place wherever it is shown; a new one stands first, an old unread one nowhere', () => {
  const client = createQueryClient();
  const first = sampleUpgrade({ createdAt: at(2) });
  const second = sampleUpgrade({ createdAt: at(1), state: 'finished' });
  client.setQueryData(upgradeKeys.list, {
    pages: [{ items: [first, second].map(summary), next: 'x', total: 9 }],
    pageParams: [null],
  });
  client.setQueryData(upgradeKeys.underWay, [summary(first)]);
  client.setQueryData(upgradeKeys.detail(first.id), first);

  const news = sampleUpgrade({ createdAt: at(3) });
  const old = sampleUpgrade({ createdAt: at(0), state: 'finished' });
  const over = { ...first, state: 'finished' as const, revision: 2 };
  applyLiveEvents(client, [said({ ...first, ring: 1, revision: 1 }), said(old), said(over), said(news)]);
  const page = client.getQueryData<{ pages: { items: Upgrade[]; total: number }[] }>(upgradeKeys.list)?.pages[0];
  expect(page).toEqual({ items: [news, over, second].map(summary), next: 'x', total: 10 });
  expect(client.getQueryData(upgradeKeys.underWay)).toEqual([summary(news)]);
  expect(client.getQueryData(upgradeKeys.detail(first.id))).toEqual(over);
  expect(client.getQueryData(upgradeKeys.detail(news.id)), 'nobody has read it').toBeUndefined();
});

test('of its replicas only those that changed are said; who shows those of one Runner gets no others', () => {
  const client = createQueryClient();
  const replicas = [sampleUpgradeReplica(), sampleUpgradeReplica(), sampleUpgradeReplica()];
  const [one, two] = replicas as [Upgrade['replicas'][0], Upgrade['replicas'][0]];
  const upgrade = sampleUpgrade({ replicas, revision: 4 });
  const own = upgradeKeys.detail(upgrade.id, one.runner);
  client.setQueryData(upgradeKeys.detail(upgrade.id), upgrade);
  client.setQueryData(own, { ...upgrade, replicas: [one] });
  const progress = (replica: string, phase: UpgradeProgress['phase']) => {
    return { replica, phase, detail: '', received: 0, total: 0, updatedAt: at(5) };
  };
  applyLiveEvents(client, [
    said({ ...upgrade, revision: 5 }, [progress(one.replica, 'waiting'), progress(two.replica, 'failed')]),
    said({ ...upgrade, revision: 6 }, [progress(one.replica, 'checked-in')]),
  ]);
  const shown = (key: readonly unknown[]) =>
    client.getQueryData<Upgrade>(key)?.replicas.map(({ runnerName, phase }) => `${runnerName}: ${phase}`);
  expect(shown(upgradeKeys.detail(upgrade.id))).toEqual([
    `${one.runnerName}: checked-in`,
    `${two.runnerName}: failed`,
    `${replicas[2]?.runnerName}: pending`,
  ]);
  expect(shown(own)).toEqual([`${one.runnerName}: checked-in`]);
});

test('what was read after an event is not changed by it; where one was missed the upgrade is read again', () => {
  const client = createQueryClient();
  const replica = sampleUpgradeReplica({ phase: 'checked-in' });
  const upgrade = sampleUpgrade({ replicas: [replica], revision: 7 });
  const key = upgradeKeys.detail(upgrade.id);
  client.setQueryData(key, upgrade);
  const event = (revision: number) => said({ ...upgrade, revision }, [{ ...replica, phase: 'waiting' }]);
  const isStale = (of: QueryClient) => of.getQueryState(key)?.isInvalidated;
  applyLiveEvents(client, [event(7)]);
  expect(client.getQueryData(key)).toEqual(upgrade);
  expect(isStale(client)).toBe(false);
  applyLiveEvents(client, [event(9)]);
  expect(client.getQueryData(key), 'half of it would be wrong').toEqual(upgrade);
  expect(isStale(client)).toBe(true);
});
