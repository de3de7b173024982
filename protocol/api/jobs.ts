import { z } from 'zod';
import { IdSchema, PageQuerySchema, ProjectNameSchema, pageOf, TimeSchema, textSchema } from '../fields.ts';
import {
  JobNameSchema,
  NO_OUTPUT_LIMIT,
  OptionNameSchema,
  OptionValuesSchema,
  OutputLimitSchema,
  PrioritySchema,
  WorkflowSchema,
} from '../operation.ts';
import { TagSelectionSchema } from '../tags.ts';
import { ExecutionSchema, ExecutionSummarySchema } from './executions.ts';
import { route } from './route.ts';

export const JobOptionSchema = z
  .strictObject({
    name: OptionNameSchema,
    description: textSchema('Description', 500).default(''),
    /** Used when a run does not say otherwise. */
    value: textSchema('Value', 10_000).default(''),
    required: z.boolean('required must be true or false.').default(false),
  })
  .meta({ id: 'JobOption' });

const group = textSchema('Group', 300)
  .transform((path) =>
    path
      .split('/')
      .map((part) => part.trim())
      .filter((part) => part !== '')
      .join('/'),
  )
  .refine((path) => !/[\r\n]/.test(path), 'Group must be one line.');

const jobFields = {
  name: JobNameSchema,
  group: group.default(''),
  description: textSchema('Description', 10_000).default(''),
  options: z
    .array(JobOptionSchema)
    .max(100, 'At most 100 options are possible.')
    .superRefine((options, context) => {
      const seen = new Set<string>();
      for (const [index, { name }] of options.entries()) {
        const key = name.toUpperCase().replace(/[^A-Z0-9]/g, '_');
        if (seen.has(key))
          context.addIssue({ code: 'custom', path: [index, 'name'], message: `The option “${name}” is there twice.` });
        seen.add(key);
      }
    })
    .default([]),
  workflow: WorkflowSchema,
  /** All of these tags; empty: every Runner of the project. */
  runnerTags: TagSelectionSchema.default([]),
  /** Seconds that it waits for a Runner before it fails and says why. */
  queueSeconds: z
    .number('Waiting time must be a number of seconds.')
    .int()
    .min(1, 'At least 1 second.')
    .max(2_592_000, 'At most 30 days.')
    .default(3600),
  /** Seconds without a sign of the agent after which a running operation counts as lost. */
  leaseSeconds: z
    .number('Lease must be a number of seconds.')
    .int()
    .min(30, 'At least 30 seconds.')
    .max(2_592_000, 'At most 30 days.')
    .default(600),
  /** Seconds between the polite and the hard stop. */
  graceSeconds: z
    .number('Grace must be a number of seconds.')
    .int()
    .min(0, 'Grace must not be negative.')
    .max(600, 'At most 600 seconds.')
    .default(10),
  /** Who goes first among those that wait for the same Runners: the higher number. */
  priority: PrioritySchema.default(0),
  outputLimit: OutputLimitSchema.default(NO_OUTPUT_LIMIT),
};

export const JobInputSchema = z.strictObject(jobFields);
export type JobInput = z.input<typeof JobInputSchema>;

export const JobSchema = z
  .object({
    id: IdSchema,
    project: z.string(),
    ...jobFields,
    version: z.number().int(),
    createdAt: TimeSchema,
    updatedAt: TimeSchema,
    lastExecution: ExecutionSummarySchema.nullable(),
    /** Over the last 50 ended executions; null when there are none. */
    averageSeconds: z.number().nullable(),
    successRate: z.number().nullable(),
  })
  .meta({ id: 'Job' });
export type Job = z.output<typeof JobSchema>;

export const RunJobSchema = z.strictObject({
  options: OptionValuesSchema.default({}),
  /** Instead of the job's own selection. */
  runnerTags: TagSelectionSchema.optional(),
  /** Instead of the job's own. */
  priority: PrioritySchema.optional(),
});

export const AdHocSchema = z
  .strictObject({
    command: textSchema('Command', 100_000).optional(),
    script: textSchema('Script', 1_000_000).optional(),
    interpreter: z.string().max(300).default(''),
    runnerTags: TagSelectionSchema.default([]),
    timeoutSeconds: z.number().int().min(0).max(2_592_000).default(0),
    priority: PrioritySchema.default(0),
    outputLimit: OutputLimitSchema.default(NO_OUTPUT_LIMIT),
  })
  .refine((body) => (body.command === undefined) !== (body.script === undefined), {
    path: ['command'],
    message: 'Send either a command or a script.',
  })
  .refine((body) => (body.command ?? body.script ?? '').trim() !== '', {
    path: ['command'],
    message: 'There is nothing to run.',
  });

const inProject = z.object({ project: ProjectNameSchema });
const byId = z.object({ id: IdSchema });

export const jobRoutes = {
  listJobs: route({
    method: 'GET',
    path: '/projects/{project}/jobs',
    summary: 'Jobs of a project',
    access: 'user',
    params: inProject,
    query: PageQuerySchema.extend({
      search: z.string().max(200).optional(),
      sort: z
        .enum(['name', '-name', 'updatedAt', '-updatedAt'], 'sort is not one of the known orders.')
        .default('name'),
    }),
    status: 200,
    answer: pageOf(JobSchema),
  }),
  createJob: route({
    method: 'POST',
    path: '/projects/{project}/jobs',
    summary: 'Create a job',
    access: 'admin',
    params: inProject,
    body: JobInputSchema,
    status: 201,
    answer: JobSchema,
  }),
  getJob: route({
    method: 'GET',
    path: '/jobs/{id}',
    summary: 'One job',
    access: 'user',
    params: byId,
    status: 200,
    answer: JobSchema,
  }),
  replaceJob: route({
    method: 'PUT',
    path: '/jobs/{id}',
    summary: 'Replace the definition of a job',
    access: 'admin',
    params: byId,
    body: JobInputSchema,
    status: 200,
    answer: JobSchema,
  }),
  deleteJob: route({
    method: 'DELETE',
    path: '/jobs/{id}',
    summary: 'Delete a job; its executions stay',
    access: 'admin',
    params: byId,
    status: 204,
  }),
  runJob: route({
    method: 'POST',
    path: '/jobs/{id}/executions',
    summary: 'Run a job',
    access: 'user',
    params: byId,
    body: RunJobSchema,
    status: 201,
    answer: ExecutionSchema,
  }),
  runAdHoc: route({
    method: 'POST',
    path: '/projects/{project}/commands',
    summary: 'Run an ad hoc command or script',
    access: 'user',
    params: inProject,
    body: AdHocSchema,
    status: 201,
    answer: ExecutionSchema,
  }),
} as const;
