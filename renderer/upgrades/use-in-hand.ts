import { type UseQueryResult, useQueries, useQuery } from '@tanstack/react-query';
import type { Upgrade } from '../../protocol/api/upgrades.ts';
import { upgradeQueries } from '../api/upgrade-queries.ts';

/** Replicas of upgrades that are under way: no other upgrade can have them. */
export function useInHand(): ReadonlySet<string> {
  const underWay = useQuery(upgradeQueries.underWay()).data ?? [];
  return useQueries({ queries: underWay.map(({ id }) => upgradeQueries.detail(id)), combine: replicasIn });
}

// Outside of the hook, so that the set stays the same as long as the answers do.
function replicasIn(answers: readonly UseQueryResult<Upgrade>[]): ReadonlySet<string> {
  return new Set(answers.flatMap(({ data }) => data?.replicas.map(({ replica }) => replica) ?? []));
}
