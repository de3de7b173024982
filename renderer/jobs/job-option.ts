import type { Job } from '../../protocol/api/jobs.ts';

/** One option of a job, as the coordinator tells it. */
export type JobOption = Job['options'][number];
