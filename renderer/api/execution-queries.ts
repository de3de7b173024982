import { infiniteQueryOptions, mutationOptions, queryOptions } from '@tanstack/react-query';
import type { executionRoutes } from '../../protocol/api/executions.ts';
import type { RouteRequest } from '../../protocol/api/routes.ts';
import { api, call } from './api-client.ts';

type ListQuery = NonNullable<RouteRequest<(typeof executionRoutes)['listExecutions']>['query']>;
export type ExecutionFilter = Omit<ListQuery, 'cursor'>;
type OutputQuery = NonNullable<RouteRequest<(typeof executionRoutes)['getOutput']>['query']>;

export const executionKeys = {
  all: ['executions'] as const,
  lists: ['executions', 'list'] as const,
  list: (filter: ExecutionFilter) => ['executions', 'list', filter] as const,
  detail: (id: string) => ['executions', 'detail', id] as const,
  waiting: (id: string) => ['executions', 'waiting', id] as const,
};

export const executionQueries = {
  /** Newest first, page after page. */
  list: (filter: ExecutionFilter) =>
    infiniteQueryOptions({
      queryKey: executionKeys.list(filter),
      queryFn: ({ pageParam, signal }) =>
        call('listExecutions', { query: { ...filter, cursor: pageParam ?? undefined } }, { signal }),
      initialPageParam: null as string | null,
      getNextPageParam: (page) => page.next,
    }),
  detail: (id: string) =>
    queryOptions({
      queryKey: executionKeys.detail(id),
      queryFn: ({ signal }) => call('getExecution', { params: { id } }, { signal }),
    }),
  /** Why it waits: each Runner with the first rule it failed. */
  waiting: (id: string) =>
    queryOptions({
      queryKey: executionKeys.waiting(id),
      queryFn: ({ signal }) => call('getWaiting', { params: { id } }, { signal }),
    }),
};

export const executionMutations = {
  cancel: () =>
    mutationOptions({
      mutationFn: ({ id, reason = '' }: { id: string; reason?: string }) =>
        call('cancelExecution', { params: { id }, body: { reason } }),
      onSuccess: (execution, _input, _result, { client }) => {
        client.setQueryData(executionQueries.detail(execution.id).queryKey, execution);
        return client.invalidateQueries({ queryKey: executionKeys.lists });
      },
    }),
};

/** The output of an execution as an open response: a stream of bytes, endless until the end with `follow: 'true'`. */
export function openOutput(id: string, query: OutputQuery, signal: AbortSignal): Promise<Response> {
  return api.open('getOutput', { params: { id }, query }, { signal });
}
