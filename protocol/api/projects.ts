import { z } from 'zod';
import { lineSchema, PageQuerySchema, ProjectNameSchema, pageOf, TimeSchema, textSchema } from '../fields.ts';
import { route } from './route.ts';

export const ProjectSchema = z
  .object({
    name: z.string(),
    label: z.string(),
    description: z.string(),
    /** How a Runner is chosen for executions (spec 7). */
    selection: z.enum(['automatic', 'manual']),
    createdAt: TimeSchema,
    jobs: z.number().int(),
    runners: z.number().int(),
    running: z.number().int(),
  })
  .meta({ id: 'Project' });
export type Project = z.infer<typeof ProjectSchema>;

const selection = z.enum(['automatic', 'manual'], 'Selection is automatic or manual.');
const label = lineSchema('Label', 100);
const description = textSchema('Description', 1000);

export const NewProjectSchema = z.strictObject({
  name: ProjectNameSchema,
  /** Empty: the name. */
  label: z.union([z.literal(''), label]).default(''),
  description: description.default(''),
  selection: selection.default('automatic'),
});
export const ProjectChangeSchema = z.strictObject({ label, description, selection }).partial();

const params = z.object({ project: ProjectNameSchema });

export const projectRoutes = {
  listProjects: route({
    method: 'GET',
    path: '/projects',
    summary: 'Projects',
    access: 'user',
    query: PageQuerySchema.extend({
      search: z.string().max(200).optional(),
      sort: z
        .enum(['name', '-name', 'label', '-label', 'createdAt', '-createdAt'], 'sort is not one of the known orders.')
        .default('name'),
    }),
    status: 200,
    answer: pageOf(ProjectSchema),
  }),
  createProject: route({
    method: 'POST',
    path: '/projects',
    summary: 'Create a project',
    access: 'admin',
    body: NewProjectSchema,
    status: 201,
    answer: ProjectSchema,
  }),
  getProject: route({
    method: 'GET',
    path: '/projects/{project}',
    summary: 'One project',
    access: 'user',
    params,
    status: 200,
    answer: ProjectSchema,
  }),
  updateProject: route({
    method: 'PATCH',
    path: '/projects/{project}',
    summary: 'Change a project',
    access: 'admin',
    params,
    body: ProjectChangeSchema,
    status: 200,
    answer: ProjectSchema,
  }),
  deleteProject: route({
    method: 'DELETE',
    path: '/projects/{project}',
    summary: 'Delete a project with its jobs; its executions stay readable by id',
    access: 'admin',
    params,
    status: 204,
  }),
} as const;
