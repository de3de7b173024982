import { useQuery } from '@tanstack/react-query';
import { useParams, useRouterState } from '@tanstack/react-router';
import { executionQueries } from '../api/execution-queries.ts';

/** The project that the person is in: the address says it, or the execution that is looked at belongs to it. Else null. */
export function useCurrentProject(): string | null {
  const { project, id } = useParams({ strict: false });
  const onExecution = useRouterState({ select: (state) => state.location.pathname.startsWith('/executions/') });
  const execution = useQuery({ ...executionQueries.detail(id ?? ''), enabled: onExecution && id !== undefined });
  if (project !== undefined) return project;
  return onExecution ? (execution.data?.project ?? null) : null;
}
