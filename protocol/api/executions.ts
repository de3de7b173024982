import { z } from 'zod';
import { ExecutionStateSchema, OperationStateSchema } from '../execution-state.ts';
import { IdSchema, lineSchema, PageQuerySchema, pageOf, TimeSchema } from '../fields.ts';
import { StepReasonSchema, SurvivorSchema } from '../journal.ts';
import { OutputLimitSchema, WorkflowSchema } from '../operation.ts';
import { SelectionRuleSchema } from '../selection.ts';
import { route } from './route.ts';

export const StepStateSchema = z
  .enum(['waiting', 'running', 'succeeded', 'failed', 'aborted', 'timedout', 'skipped', 'lost'])
  .meta({ id: 'StepState' });
export type StepState = z.infer<typeof StepStateSchema>;

export const ExecutionStepSchema = z
  .object({
    index: z.number().int(),
    type: z.enum(['command', 'script']),
    label: z.string(),
    state: StepStateSchema,
    startedAt: TimeSchema.nullable(),
    endedAt: TimeSchema.nullable(),
    exitCode: z.number().int().nullable(),
    signal: z.string().nullable(),
    reason: StepReasonSchema.nullable(),
    detail: z.string(),
  })
  .meta({ id: 'ExecutionStep' });
export type ExecutionStep = z.infer<typeof ExecutionStepSchema>;

const named = z.object({ id: IdSchema, name: z.string() });

export const ExecutionSummarySchema = z
  .object({
    id: IdSchema,
    /** Counts up over the whole coordinator: what people call it. */
    number: z.number().int(),
    project: z.string(),
    kind: z.enum(['job', 'command', 'script']),
    /** The job as it was called then; the id stays valid after the job is gone. */
    job: named.nullable(),
    /** The job's name, or the first line of what is run. */
    title: z.string(),
    state: ExecutionStateSchema,
    /** Why it is in this state, for a person; empty when there is nothing to say. */
    reason: z.string(),
    user: z.string(),
    /** The higher goes first among those that wait. */
    priority: z.number().int(),
    createdAt: TimeSchema,
    startedAt: TimeSchema.nullable(),
    endedAt: TimeSchema.nullable(),
    runner: named.nullable(),
    /** How many processes outlived the stop: above 0 it could not be stopped, whatever its state. */
    survivorCount: z.number().int().min(0).optional(),
  })
  .meta({ id: 'ExecutionSummary' });
export type ExecutionSummary = z.infer<typeof ExecutionSummarySchema>;

export const ExecutionSchema = ExecutionSummarySchema.extend({
  replica: z.object({ id: IdSchema, hostname: z.string() }).nullable(),
  runnerTags: z.array(z.string()),
  options: z.record(z.string(), z.string()),
  steps: z.array(ExecutionStepSchema),
  keepGoing: z.boolean(),
  timeoutSeconds: z.number().int(),
  /** Seconds between the polite and the hard stop. */
  graceSeconds: z.number().int().optional(),
  /** When somebody asked to stop it. */
  cancelAskedAt: TimeSchema.nullable().optional(),
  outputLimit: OutputLimitSchema,
  /** What was run, as it was then: the job may have changed since. */
  workflow: WorkflowSchema.optional(),
  operation: z.object({ id: IdSchema, attempt: z.number().int(), state: OperationStateSchema }),
  /** Processes that outlived the stop. */
  survivors: z.array(SurvivorSchema),
  /** What came too late to count, and other remarks. */
  notes: z.array(z.object({ at: TimeSchema, text: z.string() })),
  output: z.object({
    /** Bytes of the stored journal. */
    bytes: z.number().int(),
    records: z.number().int(),
    /** The last record (`finished`) is stored: nothing will be added. */
    complete: z.boolean(),
  }),
}).meta({ id: 'Execution' });
export type Execution = z.infer<typeof ExecutionSchema>;

export const WaitingSchema = z
  .object({
    waiting: z.boolean(),
    since: TimeSchema.nullable(),
    /** When it gives up. */
    deadline: TimeSchema.nullable(),
    /** Executions that wait for the same Runners and go before it; null: it is with a Runner already, or does not wait. */
    ahead: z.number().int().nullable(),
    summary: z.string(),
    runners: z.array(z.object({ runner: named, rule: SelectionRuleSchema.nullable(), detail: z.string() })),
  })
  .meta({ id: 'Waiting' });
export type Waiting = z.infer<typeof WaitingSchema>;

/** One line of `format=ndjson`. `text` is decoded with replacement; use `format=journal` for the raw bytes. */
export const OutputEntrySchema = z
  .object({
    /** Byte offset of the record after this one: continue from here. */
    next: z.number().int(),
    number: z.number().int(),
    kind: z.enum(['started', 'step-started', 'output', 'data', 'step-finished', 'finished', 'mark']),
    step: z.number().int().nullable(),
    stream: z.enum(['none', 'stdout', 'stderr']),
    time: TimeSchema,
    text: z.string().optional(),
    detail: z.unknown().optional(),
  })
  .meta({ id: 'OutputEntry' });

const byId = z.object({ id: IdSchema });

export const executionRoutes = {
  listExecutions: route({
    method: 'GET',
    path: '/executions',
    summary: 'Executions, newest first',
    access: 'user',
    query: PageQuerySchema.extend({
      search: z.string().max(200).optional(),
      project: z.string().max(64).optional(),
      job: IdSchema.optional(),
      /** What was run; `ad-hoc` for commands and scripts that belong to no job. */
      kind: z.enum(['job', 'command', 'script', 'ad-hoc']).optional(),
      /** One state, or `active` for all that have not ended. */
      state: z.union([ExecutionStateSchema, z.literal('active')]).optional(),
      user: z.string().max(100).optional(),
      runner: IdSchema.optional(),
      since: TimeSchema.optional(),
      until: TimeSchema.optional(),
    }),
    status: 200,
    answer: pageOf(ExecutionSummarySchema),
  }),
  getExecution: route({
    method: 'GET',
    path: '/executions/{id}',
    summary: 'One execution',
    access: 'user',
    params: byId,
    status: 200,
    answer: ExecutionSchema,
  }),
  getOutput: route({
    method: 'GET',
    path: '/executions/{id}/output',
    summary:
      'Output from a byte offset of the journal; X-Next-Offset says where to go on; follow=true streams until the end',
    access: 'user',
    params: byId,
    query: z.object({
      from: z.coerce.number('from must be a number.').int().min(0).default(0),
      /** Bytes of journal at most (without follow). */
      limit: z.coerce.number('limit must be a number.').int().min(1).max(67_108_864).default(8_388_608),
      step: z.coerce.number('step must be a number.').int().min(0).optional(),
      format: z.enum(['ndjson', 'text', 'journal'], 'format is ndjson, text or journal.').default('ndjson'),
      follow: z.enum(['true', 'false']).default('false'),
    }),
    status: 200,
    stream: { contentType: 'application/octet-stream', description: 'The output, in the asked format' },
  }),
  cancelExecution: route({
    method: 'POST',
    path: '/executions/{id}/cancel',
    summary: 'Stop an execution',
    access: 'user',
    params: byId,
    body: z.strictObject({ reason: z.union([z.literal(''), lineSchema('Reason', 500)]).default('') }),
    status: 200,
    answer: ExecutionSchema,
  }),
  getWaiting: route({
    method: 'GET',
    path: '/executions/{id}/waiting',
    summary: 'Why it waits: each Runner with the first rule it failed',
    access: 'user',
    params: byId,
    status: 200,
    answer: WaitingSchema,
  }),
} as const;
