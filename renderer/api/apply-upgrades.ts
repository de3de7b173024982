import type { InfiniteData, QueryClient } from '@tanstack/react-query';
import type { LiveEvent } from '../../protocol/api/live.ts';
import type { Upgrade } from '../../protocol/api/upgrades.ts';
import { upgradeKeys } from './upgrade-queries.ts';

type UpgradeEvent = Extract<LiveEvent, { topic: 'upgrade' }>;
type UpgradePages = InfiniteData<{ readonly items: Upgrade[]; readonly next: string | null; readonly total: number }>;

/** Patches what is cached of upgrades: many a second while agents download. */
export function applyUpgrades(client: QueryClient, events: readonly UpgradeEvent[]): void {
  // Of each only what was said last matters.
  const latest = new Map(events.map(({ id, upgrade }) => [id, upgrade]));
  if (latest.size === 0) return;
  for (const [id, upgrade] of latest) {
    client.setQueryData<Upgrade>(upgradeKeys.detail(id), (cached) => cached && upgrade);
  }
  client.setQueryData<Upgrade[]>(upgradeKeys.underWay, (list) => {
    const others = list?.filter(({ id }) => !latest.has(id));
    return others && [...others, ...[...latest.values()].filter(isUnderWay)];
  });
  client.setQueryData<UpgradePages>(upgradeKeys.list, (data) => data && withUpgrades(data, latest));
}

/** Whether it runs or is paused: what is not over. */
export function isUnderWay({ state }: Pick<Upgrade, 'state'>): boolean {
  return state === 'running' || state === 'paused';
}

/** The pages with what changed in its place, and new ones first. An old one that was not read yet is left to its own page. */
function withUpgrades(data: UpgradePages, latest: ReadonlyMap<string, Upgrade>): UpgradePages {
  const shown = new Set(data.pages.flatMap(({ items }) => items.map(({ id }) => id)));
  const newest = data.pages[0]?.items[0]?.createdAt ?? '';
  const added = [...latest.values()]
    .filter(({ id, createdAt }) => !shown.has(id) && createdAt >= newest)
    .sort((a, b) => b.createdAt.localeCompare(a.createdAt));
  const pages = data.pages.map((page, at) => {
    const items = page.items.map((item) => latest.get(item.id) ?? item);
    return { ...page, items: at === 0 ? [...added, ...items] : items, total: page.total + added.length };
  });
  return { ...data, pages };
}
