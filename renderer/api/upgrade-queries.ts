import { infiniteQueryOptions, mutationOptions, type QueryClient, queryOptions } from '@tanstack/react-query';
import type { NewUpgrade, Upgrade, UpgradeSummary } from '../../protocol/api/upgrades.ts';
import { call } from './api-client.ts';

export const upgradeKeys = {
  all: ['upgrades'] as const,
  list: ['upgrades', 'list'] as const,
  underWay: ['upgrades', 'under-way'] as const,
  /** Of one upgrade: with all replicas, and with those of one Runner. */
  details: (id: string) => ['upgrades', 'detail', id] as const,
  detail: (id: string, runner: string | null = null) => ['upgrades', 'detail', id, runner] as const,
};

const PAGE = 50;

export const upgradeQueries = {
  /** Newest first, page after page. */
  list: () =>
    infiniteQueryOptions({
      queryKey: upgradeKeys.list,
      queryFn: ({ pageParam, signal }) =>
        call('listUpgrades', { query: { limit: PAGE, cursor: pageParam ?? undefined } }, { signal }),
      initialPageParam: null as string | null,
      getNextPageParam: (page) => page.next,
    }),
  /** Those that run or are paused. */
  underWay: () =>
    queryOptions({
      queryKey: upgradeKeys.underWay,
      queryFn: async ({ signal }): Promise<UpgradeSummary[]> => {
        const pages = await Promise.all(
          (['running', 'paused'] as const).map((state) => call('listUpgrades', { query: { state } }, { signal })),
        );
        return pages.flatMap(({ items }) => items);
      },
    }),
  /** With all replicas, or with those of `runner` alone. */
  detail: (id: string, runner: string | null = null) =>
    queryOptions({
      queryKey: upgradeKeys.detail(id, runner),
      queryFn: ({ signal }) =>
        call('getUpgrade', { params: { id }, query: runner === null ? {} : { runner } }, { signal }),
    }),
};

/** Puts an upgrade that the coordinator answered with where it is shown; lists are read again. */
function keep(client: QueryClient, upgrade: Upgrade): Promise<unknown> {
  const { queryKey } = upgradeQueries.detail(upgrade.id);
  // An event may have come before the answer to what caused it.
  const isOld = (client.getQueryData(queryKey)?.revision ?? 0) > upgrade.revision;
  if (isOld) void client.invalidateQueries({ queryKey, exact: true });
  else client.setQueryData(queryKey, upgrade);
  return Promise.all(
    [upgradeKeys.list, upgradeKeys.underWay].map((queryKey) => client.invalidateQueries({ queryKey })),
  );
}

type Act = 'pauseUpgrade' | 'resumeUpgrade' | 'cancelUpgrade';

export const upgradeMutations = {
  create: () =>
    mutationOptions({
      mutationFn: ({ upgrade, idempotencyKey }: { upgrade: NewUpgrade; idempotencyKey: string }) =>
        call('createUpgrade', { body: upgrade }, { idempotencyKey }),
      onSuccess: (upgrade, _input, _result, { client }) => keep(client, upgrade),
    }),
  /** Pause, resume or cancel. */
  act: (name: Act) =>
    mutationOptions({
      mutationFn: (id: string) => call(name, { params: { id } }),
      onSuccess: (upgrade, _input, _result, { client }) => keep(client, upgrade),
    }),
};
