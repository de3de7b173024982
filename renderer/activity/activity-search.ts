import { z } from 'zod';
import { ExecutionStateSchema } from '../../protocol/execution-state.ts';
import { IdSchema } from '../../protocol/fields.ts';
import type { ExecutionFilter } from '../api/execution-queries.ts';

/** How far back the list goes. */
export const TIME_SPANS = {
  hour: { label: 'Last hour', ms: 3_600_000 },
  day: { label: 'Last 24 hours', ms: 86_400_000 },
  week: { label: 'Last 7 days', ms: 7 * 86_400_000 },
  month: { label: 'Last 30 days', ms: 30 * 86_400_000 },
} as const;
export type TimeSpan = keyof typeof TIME_SPANS;

/** Filters of the activity, as they stand in the address. What is not valid is dropped. */
export const ActivitySearchSchema = z.object({
  search: z.string().max(200).optional().catch(undefined),
  state: z
    .union([ExecutionStateSchema, z.literal('active')])
    .optional()
    .catch(undefined),
  job: IdSchema.optional().catch(undefined),
  user: z.string().min(1).max(100).optional().catch(undefined),
  runner: IdSchema.optional().catch(undefined),
  time: z
    .enum(Object.keys(TIME_SPANS) as [TimeSpan, ...TimeSpan[]])
    .optional()
    .catch(undefined),
});
export type ActivitySearch = z.output<typeof ActivitySearchSchema>;

/** The step whose output is shown, as it stands in the address of an execution. */
export const ExecutionSearchSchema = z.object({
  step: z.coerce.number().int().min(0).optional().catch(undefined),
});

/** What the coordinator is asked. `now` in milliseconds; whole minutes, so that the question stays the same for a while. */
export function executionFilter(project: string, search: ActivitySearch, now: number): ExecutionFilter {
  const { time, ...rest } = search;
  const minute = Math.floor(now / 60_000) * 60_000;
  return {
    project,
    limit: 100,
    ...Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined)),
    ...(time === undefined ? {} : { since: new Date(minute - TIME_SPANS[time].ms).toISOString() }),
  };
}

/** Whether anything is filtered. */
export function isFiltered(search: ActivitySearch): boolean {
  return Object.values(search).some((value) => value !== undefined && value !== '');
}
