import { useQuery } from '@tanstack/react-query';
import { packageQueries } from '../api/package-queries.ts';

/** The version of the agent that this coordinator hands out. */
export interface HandedOut {
  /** null: nothing is built, or it is not known yet. */
  readonly version: string | null;
  /** Signed with a development key: not a release. */
  readonly development: boolean;
}

const NOTHING: HandedOut = { version: null, development: false };

/** What is handed out now. A build is no live event: it is looked at again once a minute. */
export function useHandedOut(): HandedOut {
  return useQuery({ ...packageQueries.list(), refetchInterval: 60_000 }).data ?? NOTHING;
}
