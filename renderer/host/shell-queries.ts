import { queryOptions } from '@tanstack/react-query';
import type { Host } from './host.ts';

/** What the page runs in; null: a browser. */
export const shellQueries = {
  version: (host: Host) =>
    queryOptions({
      queryKey: ['shell-version'],
      queryFn: () => host.shell(),
      staleTime: Number.POSITIVE_INFINITY,
    }),
};
