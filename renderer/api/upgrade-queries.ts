import { infiniteQueryOptions, mutationOptions, type QueryClient, queryOptions } from '@tanstack/react-query';
import type { NewUpgrade, Upgrade } from '../../protocol/api/upgrades.ts';
import { call } from './api-client.ts';

export const upgradeKeys = {
  all: ['upgrades'] as const,
  list: ['upgrades', 'list'] as const,
  underWay: ['upgrades', 'under-way'] as const,
  detail: (id: string) => ['upgrades', 'detail', id] as const,
};

/** Each one brings all of its replicas. */
const PAGE = 20;

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
      queryFn: async ({ signal }): Promise<Upgrade[]> => {
        const pages = await Promise.all(
          (['running', 'paused'] as const).map((state) => call('listUpgrades', { query: { state } }, { signal })),
        );
        return pages.flatMap(({ items }) => items);
      },
    }),
  detail: (id: string) =>
    queryOptions({
      queryKey: upgradeKeys.detail(id),
      queryFn: ({ signal }) => call('getUpgrade', { params: { id } }, { signal }),
    }),
};

/** Puts an upgrade that the coordinator answered with where it is shown; lists are read again. */
function keep(client: QueryClient, upgrade: Upgrade): Promise<unknown> {
  client.setQueryData(upgradeQueries.detail(upgrade.id).queryKey, upgrade);
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
