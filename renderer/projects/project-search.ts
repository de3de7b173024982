import { z } from 'zod';

/** Search and order of the list of projects, as they stand in the address. What is not valid is dropped. */
export const ProjectSearchSchema = z.object({
  search: z.string().optional().catch(undefined),
  sort: z
    .enum(['name', '-name', 'label', '-label', 'jobs', '-jobs', 'runners', '-runners', 'running', '-running'])
    .optional()
    .catch(undefined),
});
export type ProjectSearch = z.output<typeof ProjectSearchSchema>;
