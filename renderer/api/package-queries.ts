import { queryOptions } from '@tanstack/react-query';
import { call } from './api-client.ts';

/** What the coordinator has to hand out: platforms, sizes, the signed manifest. */
export const packageQueries = {
  list: () => queryOptions({ queryKey: ['packages'], queryFn: ({ signal }) => call('listPackages', {}, { signal }) }),
};
