import { mutationOptions, type QueryClient, queryOptions } from '@tanstack/react-query';
import type { z } from 'zod';
import type {
  ModeChangeSchema,
  NewEnrolmentSchema,
  NewRunner,
  Runner,
  RunnerChangeSchema,
} from '../../protocol/api/runners.ts';
import { sameNameKey } from '../../protocol/fields.ts';
import { allPages, LARGEST_PAGE } from './all-pages.ts';
import { call } from './api-client.ts';

export const runnerKeys = {
  all: ['runners'] as const,
  list: ['runners', 'list'] as const,
  details: ['runners', 'detail'] as const,
  detail: (id: string) => ['runners', 'detail', id] as const,
  names: ['runners', 'names'] as const,
  tags: ['runners', 'tags'] as const,
};

export const runnerQueries = {
  /** Every Runner: screens search, filter and sort it themselves, so that typing answers at once; live events patch it. */
  list: () =>
    queryOptions({
      queryKey: runnerKeys.list,
      queryFn: ({ signal }): Promise<Runner[]> =>
        allPages((cursor) => call('listRunners', { query: { limit: LARGEST_PAGE, cursor } }, { signal })),
    }),
  detail: (id: string) =>
    queryOptions({
      queryKey: runnerKeys.detail(id),
      queryFn: ({ signal }) => call('getRunner', { params: { id } }, { signal }),
    }),
  /** Whether a name is free, and who has it otherwise. */
  name: (name: string) =>
    queryOptions({
      queryKey: [...runnerKeys.names, sameNameKey(name)],
      queryFn: ({ signal }) => call('checkRunnerName', { params: { name } }, { signal }),
      staleTime: 5_000,
    }),
  /** Tags of Runners and how many carry each. */
  tags: () => queryOptions({ queryKey: runnerKeys.tags, queryFn: ({ signal }) => call('listTags', {}, { signal }) }),
};

/** Puts a Runner that the coordinator answered with where it is shown; lists that may be affected are read again. */
function keep(client: QueryClient, runner: Runner): Promise<unknown> {
  client.setQueryData(runnerQueries.detail(runner.id).queryKey, runner);
  return client.invalidateQueries({
    predicate: ({ queryKey }) => queryKey[0] === 'runners' && queryKey[1] !== 'detail',
  });
}

export const runnerMutations = {
  create: () =>
    mutationOptions({
      mutationFn: ({ runner, idempotencyKey }: { runner: NewRunner; idempotencyKey: string }) =>
        call('createRunner', { body: runner }, { idempotencyKey }),
      onSuccess: ({ runner }, _input, _result, { client }) => keep(client, runner),
    }),
  update: () =>
    mutationOptions({
      mutationFn: ({ id, change }: { id: string; change: z.input<typeof RunnerChangeSchema> }) =>
        call('updateRunner', { params: { id }, body: change }),
      onSuccess: (runner, _input, _result, { client }) => keep(client, runner),
    }),
  delete: () =>
    mutationOptions({
      mutationFn: ({ id, force }: { id: string; force: boolean }) =>
        call('deleteRunner', { params: { id }, query: { force: force ? 'true' : 'false' } }),
      onSuccess: (_nothing, { id }, _result, { client }) => {
        client.removeQueries({ queryKey: runnerKeys.detail(id) });
        return client.invalidateQueries({ queryKey: runnerKeys.all });
      },
    }),
  /** A new single-use token; `revoke` cuts the present replicas off. */
  enrol: () =>
    mutationOptions({
      mutationFn: ({ id, ...body }: { id: string } & z.input<typeof NewEnrolmentSchema>) =>
        call('createEnrolment', { params: { id }, body }),
      onSuccess: (_enrolment, { id }, _result, { client }) =>
        client.invalidateQueries({ queryKey: runnerKeys.detail(id) }),
    }),
  ping: () => mutationOptions({ mutationFn: (id: string) => call('pingRunner', { params: { id } }) }),
  setMode: () =>
    mutationOptions({
      mutationFn: ({ id, ...body }: { id: string } & z.input<typeof ModeChangeSchema>) =>
        call('setRunnerMode', { params: { id }, body }),
      onSuccess: (runner, _input, _result, { client }) => keep(client, runner),
    }),
  retireReplica: () =>
    mutationOptions({
      mutationFn: (params: { id: string; replicaId: string }) => call('deleteReplica', { params }),
      onSuccess: (_nothing, { id }, _result, { client }) =>
        client.invalidateQueries({ queryKey: runnerKeys.detail(id) }),
    }),
};
