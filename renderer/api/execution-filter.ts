import type { ExecutionSummary } from '../../protocol/api/executions.ts';
import { isTerminal } from '../../protocol/execution-state.ts';
import type { ExecutionFilter } from './execution-queries.ts';

/** Whether an execution belongs into a list with this filter; `search` is left out, that is for the coordinator to say. */
export function matchesExecutionFilter(execution: ExecutionSummary, filter: ExecutionFilter): boolean {
  if (filter.project !== undefined && execution.project !== filter.project) return false;
  if (filter.job !== undefined && execution.job?.id !== filter.job) return false;
  if (filter.kind === 'ad-hoc' ? execution.kind === 'job' : filter.kind && execution.kind !== filter.kind) return false;
  if (filter.user !== undefined && execution.user !== filter.user) return false;
  if (filter.runner !== undefined && execution.runner?.id !== filter.runner) return false;
  if (filter.state === 'active' ? isTerminal(execution.state) : filter.state && execution.state !== filter.state) {
    return false;
  }
  const created = Date.parse(execution.createdAt);
  if (filter.since !== undefined && created < Date.parse(filter.since)) return false;
  return filter.until === undefined || created <= Date.parse(filter.until);
}
