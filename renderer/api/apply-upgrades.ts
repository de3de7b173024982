import type { InfiniteData, QueryClient } from '@tanstack/react-query';
import type { LiveEvent } from '../../protocol/api/live.ts';
import type { Upgrade, UpgradeSummary } from '../../protocol/api/upgrades.ts';
import { upgradeKeys } from './upgrade-queries.ts';

type UpgradeEvent = Extract<LiveEvent, { topic: 'upgrade' }>;
type UpgradePages = InfiniteData<{
  readonly items: UpgradeSummary[];
  readonly next: string | null;
  readonly total: number;
}>;

/** Patches what is cached of upgrades. Where an event was missed, the upgrade is read again. */
export function applyUpgrades(client: QueryClient, events: readonly UpgradeEvent[]): void {
  if (events.length === 0) return;
  for (const event of events) applyToDetails(client, event);
  // Of each only what was said last matters to lists.
  const latest = new Map(events.map(({ id, upgrade }) => [id, upgrade]));
  client.setQueryData<UpgradeSummary[]>(upgradeKeys.underWay, (list) => {
    const others = list?.filter(({ id }) => !latest.has(id));
    return others && [...others, ...[...latest.values()].filter(isUnderWay)];
  });
  client.setQueryData<UpgradePages>(upgradeKeys.list, (data) => data && withUpgrades(data, latest));
}

/** Whether it runs or is paused: what is not over. */
export function isUnderWay({ state }: Pick<UpgradeSummary, 'state'>): boolean {
  return state === 'running' || state === 'paused';
}

function applyToDetails(client: QueryClient, event: UpgradeEvent): void {
  const { id, upgrade } = event;
  for (const { queryKey } of client.getQueryCache().findAll({ queryKey: upgradeKeys.details(id) })) {
    const cached = client.getQueryData<Upgrade>(queryKey);
    // What was read after the event holds it already.
    if (cached === undefined || upgrade.revision <= cached.revision) continue;
    if (upgrade.revision > cached.revision + 1) void client.invalidateQueries({ queryKey, exact: true });
    else client.setQueryData<Upgrade>(queryKey, withEvent(cached, event));
  }
}

/** The upgrade with what an event says of it; replicas that are not shown stay so. */
function withEvent(cached: Upgrade, { upgrade, replicas }: UpgradeEvent): Upgrade {
  const changed = new Map(replicas.map((one) => [one.replica, one]));
  const patched = cached.replicas.map((one) => {
    const change = changed.get(one.replica);
    return change === undefined ? one : { ...one, ...change };
  });
  return { ...upgrade, replicas: patched };
}

/** The pages with what changed in its place, and new ones first. An old one that was not read yet is left to its own page. */
function withUpgrades(data: UpgradePages, latest: ReadonlyMap<string, UpgradeSummary>): UpgradePages {
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
