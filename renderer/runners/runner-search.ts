import { z } from 'zod';
import { RunnerSortSchema } from '../../protocol/api/runners.ts';
import { RunnerModeSchema, RunnerStatusSchema } from '../../protocol/status.ts';
import { VersionStateSchema } from '../../protocol/version-state.ts';

/** Filter and order of a list of Runners, as they stand in the address. What is not valid is dropped. */
export const RunnerSearchSchema = z.object({
  search: z.string().optional().catch(undefined),
  status: RunnerStatusSchema.optional().catch(undefined),
  tag: z.string().optional().catch(undefined),
  project: z.string().optional().catch(undefined),
  mode: RunnerModeSchema.optional().catch(undefined),
  version: z.string().optional().catch(undefined),
  versionState: VersionStateSchema.optional().catch(undefined),
  sort: RunnerSortSchema.optional().catch(undefined),
});
export type RunnerSearch = z.output<typeof RunnerSearchSchema>;
