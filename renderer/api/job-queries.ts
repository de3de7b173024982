import { mutationOptions, queryOptions } from '@tanstack/react-query';
import type { z } from 'zod';
import type { AdHocSchema, Job, JobInput, RunJobSchema } from '../../protocol/api/jobs.ts';
import { allPages, LARGEST_PAGE } from './all-pages.ts';
import { call } from './api-client.ts';
import { executionKeys, executionQueries } from './execution-queries.ts';

export const jobKeys = {
  all: ['jobs'] as const,
  lists: ['jobs', 'list'] as const,
  list: (project: string) => ['jobs', 'list', project] as const,
  detail: (id: string) => ['jobs', 'detail', id] as const,
};

export const jobQueries = {
  /** Every job of a project. */
  list: (project: string) =>
    queryOptions({
      queryKey: jobKeys.list(project),
      queryFn: ({ signal }): Promise<Job[]> =>
        allPages((cursor) =>
          call('listJobs', { params: { project }, query: { limit: LARGEST_PAGE, cursor } }, { signal }),
        ),
    }),
  detail: (id: string) =>
    queryOptions({
      queryKey: jobKeys.detail(id),
      queryFn: ({ signal }) => call('getJob', { params: { id } }, { signal }),
    }),
};

export const jobMutations = {
  create: () =>
    mutationOptions({
      mutationFn: ({ project, job }: { project: string; job: JobInput }) =>
        call('createJob', { params: { project }, body: job }),
      onSuccess: (job, _input, _result, { client }) => {
        client.setQueryData(jobQueries.detail(job.id).queryKey, job);
        return client.invalidateQueries({ queryKey: jobKeys.list(job.project) });
      },
    }),
  /** `version`: the one that was edited; when the job has another by now, the answer is `precondition-failed`. */
  replace: () =>
    mutationOptions({
      mutationFn: ({ id, job, version }: { id: string; job: JobInput; version: number | null }) =>
        call('replaceJob', { params: { id }, body: job }, { ifVersion: version }),
      onSuccess: (job, _input, _result, { client }) => {
        client.setQueryData(jobQueries.detail(job.id).queryKey, job);
        return client.invalidateQueries({ queryKey: jobKeys.list(job.project) });
      },
    }),
  delete: () =>
    mutationOptions({
      mutationFn: (id: string) => call('deleteJob', { params: { id } }),
      onSuccess: (_nothing, id, _result, { client }) => {
        client.removeQueries({ queryKey: jobKeys.detail(id) });
        return client.invalidateQueries({ queryKey: jobKeys.lists });
      },
    }),
  /** `idempotencyKey`: a repeated click or a retry starts no second execution. */
  run: () =>
    mutationOptions({
      mutationFn: ({
        id,
        idempotencyKey,
        ...body
      }: { id: string; idempotencyKey?: string } & z.input<typeof RunJobSchema>) =>
        call('runJob', { params: { id }, body }, { idempotencyKey }),
      onSuccess: (execution, _input, _result, { client }) => {
        client.setQueryData(executionQueries.detail(execution.id).queryKey, execution);
        return client.invalidateQueries({ queryKey: executionKeys.lists });
      },
    }),
  runAdHoc: () =>
    mutationOptions({
      mutationFn: ({
        project,
        body,
        idempotencyKey,
      }: {
        project: string;
        body: z.input<typeof AdHocSchema>;
        idempotencyKey?: string;
      }) => call('runAdHoc', { params: { project }, body }, { idempotencyKey }),
      onSuccess: (execution, _input, _result, { client }) => {
        client.setQueryData(executionQueries.detail(execution.id).queryKey, execution);
        return client.invalidateQueries({ queryKey: executionKeys.lists });
      },
    }),
};
