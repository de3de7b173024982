import { QueryClient } from '@tanstack/react-query';
import { OutrunnerError } from '../../protocol/problems.ts';

/** The cache of what the coordinator said. Live events keep it fresh, so nothing is read again merely for its age. */
export function createQueryClient(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      queries: {
        // The coordinator may be on this very computer: the network card's state says nothing.
        networkMode: 'always',
        staleTime: 60_000,
        gcTime: 10 * 60_000,
        refetchOnWindowFocus: false,
        refetchOnReconnect: false,
        retry: (failures, error) => failures < 2 && error instanceof OutrunnerError && error.retry,
        retryDelay: (failures) => 300 * 2 ** failures,
      },
      mutations: { networkMode: 'always', retry: false },
    },
  });
}
