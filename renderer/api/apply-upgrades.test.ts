import { expect, test } from 'vitest';
import type { Upgrade } from '../../protocol/api/upgrades.ts';
import { sampleUpgrade } from '../upgrades/sample-upgrade.ts';
import { applyLiveEvents } from './apply-live-event.ts';
import { createQueryClient } from './query-client.ts';
import { upgradeKeys } from './upgrade-queries.ts';

const said = (upgrade: Upgrade) => ({ topic: 'upgrade', action: 'updated', id: upgrade.id, upgrade }) as const;
const at = (minute: number) => `2026-11-23T20:0${minute}:00.000Z`;

test('an upgrade that goes on is put in its place wherever it is shown; a new one stands first, an old unread one nowhere', () => {
  const client = createQueryClient();
  const first = sampleUpgrade({ createdAt: at(2) });
  const second = sampleUpgrade({ createdAt: at(1), state: 'finished' });
  client.setQueryData(upgradeKeys.list, {
    pages: [{ items: [first, second], next: 'x', total: 9 }],
    pageParams: [null],
  });
  client.setQueryData(upgradeKeys.underWay, [first]);
  client.setQueryData(upgradeKeys.detail(first.id), first);

  const news = sampleUpgrade({ createdAt: at(3) });
  const old = sampleUpgrade({ createdAt: at(0), state: 'finished' });
  const over = { ...first, state: 'finished' as const };
  applyLiveEvents(client, [said({ ...first, ring: 1 }), said(old), said(over), said(news)]);
  const page = client.getQueryData<{ pages: { items: Upgrade[]; total: number }[] }>(upgradeKeys.list)?.pages[0];
  expect(page).toMatchObject({ items: [news, over, second], total: 10 });
  expect(client.getQueryData(upgradeKeys.underWay)).toEqual([news]);
  expect(client.getQueryData(upgradeKeys.detail(first.id))).toEqual(over);
  expect(client.getQueryData(upgradeKeys.detail(news.id)), 'nobody has read it').toBeUndefined();
});
