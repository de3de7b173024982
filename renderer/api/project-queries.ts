import { mutationOptions, queryOptions } from '@tanstack/react-query';
import type { z } from 'zod';
import type { NewProjectSchema, Project, ProjectChangeSchema } from '../../protocol/api/projects.ts';
import { allPages, LARGEST_PAGE } from './all-pages.ts';
import { call } from './api-client.ts';

export const projectKeys = {
  all: ['projects'] as const,
  list: ['projects', 'list'] as const,
  detail: (name: string) => ['projects', 'detail', name] as const,
};

export const projectQueries = {
  /** Every project; screens search and sort it themselves. */
  list: () =>
    queryOptions({
      queryKey: projectKeys.list,
      queryFn: ({ signal }): Promise<Project[]> =>
        allPages((cursor) => call('listProjects', { query: { limit: LARGEST_PAGE, cursor } }, { signal })),
    }),
  detail: (name: string) =>
    queryOptions({
      queryKey: projectKeys.detail(name),
      queryFn: ({ signal }) => call('getProject', { params: { project: name } }, { signal }),
    }),
};

export const projectMutations = {
  create: () =>
    mutationOptions({
      mutationFn: (body: z.input<typeof NewProjectSchema>) => call('createProject', { body }),
      onSuccess: (project, _body, _result, { client }) => {
        client.setQueryData(projectQueries.detail(project.name).queryKey, project);
        return client.invalidateQueries({ queryKey: projectKeys.list });
      },
    }),
  update: () =>
    mutationOptions({
      mutationFn: ({ project, change }: { project: string; change: z.input<typeof ProjectChangeSchema> }) =>
        call('updateProject', { params: { project }, body: change }),
      onSuccess: (project, _input, _result, { client }) => {
        client.setQueryData(projectQueries.detail(project.name).queryKey, project);
        return client.invalidateQueries({ queryKey: projectKeys.list });
      },
    }),
  delete: () =>
    mutationOptions({
      mutationFn: (project: string) => call('deleteProject', { params: { project } }),
      onSuccess: (_nothing, project, _result, { client }) => {
        client.removeQueries({ queryKey: projectKeys.detail(project) });
        return client.invalidateQueries({ queryKey: projectKeys.list });
      },
    }),
};
