import { queryOptions } from '@tanstack/react-query';
import { call } from './api-client.ts';

/** What the coordinator has to hand out: platforms, sizes, the signed manifest. */
export const packageQueries = {
  /** What installs a Runner in one line or as a container; `token` tells one enrolment from the next. */
  install: (runner: string, token: string | null) =>
    queryOptions({
      queryKey: ['packages', 'install', runner, token],
      queryFn: ({ signal }) => call('describeInstall', { params: { id: runner } }, { signal }),
    }),
  list: () => queryOptions({ queryKey: ['packages'], queryFn: ({ signal }) => call('listPackages', {}, { signal }) }),
};
