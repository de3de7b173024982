import { mutationOptions, type QueryClient, queryOptions } from '@tanstack/react-query';
import type { Trust } from '../../protocol/api/trust.ts';
import { call } from './api-client.ts';

export const trustKeys = { all: ['trust'] as const };

/** Whom Runners believe, and how far they know it. */
export const trustQueries = {
  now: () => queryOptions({ queryKey: trustKeys.all, queryFn: ({ signal }) => call('getTrust', {}, { signal }) }),
};

export const trustMutations = {
  rotate: () =>
    mutationOptions({
      mutationFn: () => call('rotateKey', {}),
      onSuccess: (trust, _input, _result, { client }) => keep(client, trust),
    }),
  /** With `leaveBehind` also when some cannot learn the new key. */
  retire: () =>
    mutationOptions({
      mutationFn: (leaveBehind: boolean) => call('retireKey', { body: { leaveBehind } }),
      onSuccess: (trust, _input, _result, { client }) => keep(client, trust),
    }),
};

/** The key is shown by other screens as well: what they know is read again. */
function keep(client: QueryClient, trust: Trust): Promise<unknown> {
  client.setQueryData(trustQueries.now().queryKey, trust);
  return client.invalidateQueries({ queryKey: ['me'] });
}
