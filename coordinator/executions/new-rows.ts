import { randomUUID } from 'node:crypto';
import { stepLabel, type Workflow } from '../../protocol/operation.ts';
import { preparedQuery } from '../store/prepared-query.ts';
import type { ExecutionRow, OperationRow, StepRow } from './execution-record.ts';
import { type Chosen, givenTo, runnerOf } from './offer-rows.ts';
import type { StartRequest } from './start-execution.ts';

/** The rows of an execution that is just being made, and the queries that write them. */

/** The number of the newest execution, if the project `id` is there. */
export const lastNumber = preparedQuery<{ id: string }, { last: number | null }>((db, value) =>
  db
    .selectFrom('project')
    .select((eb) =>
      eb
        .selectFrom('execution')
        .select((of) => of.fn.max('number').as('number'))
        .as('last'),
    )
    .where('id', '=', value('id')),
);

export const insertExecution = preparedQuery<ExecutionRow>((db, value) =>
  db.insertInto('execution').values({
    id: value('id'),
    number: value('number'),
    project_id: value('project_id'),
    project_name: value('project_name'),
    kind: value('kind'),
    job_id: value('job_id'),
    job_name: value('job_name'),
    title: value('title'),
    state: value('state'),
    reason: value('reason'),
    user_id: value('user_id'),
    user_name: value('user_name'),
    created_at: value('created_at'),
    started_at: value('started_at'),
    ended_at: value('ended_at'),
    runner_id: value('runner_id'),
    runner_name: value('runner_name'),
    replica_id: value('replica_id'),
    replica_hostname: value('replica_hostname'),
    runner_tags: value('runner_tags'),
    options: value('options'),
    workflow: value('workflow'),
    priority: value('priority'),
    output_limit: value('output_limit'),
    queue_deadline: value('queue_deadline'),
    lease_seconds: value('lease_seconds'),
    grace_seconds: value('grace_seconds'),
    survivors: value('survivors'),
    notes: value('notes'),
    cancel_asked_at: value('cancel_asked_at'),
    cancel_reason: value('cancel_reason'),
  } satisfies Record<keyof ExecutionRow, unknown>),
);

export const insertStep = preparedQuery<StepRow>((db, value) =>
  db.insertInto('execution_step').values({
    execution_id: value('execution_id'),
    position: value('position'),
    type: value('type'),
    label: value('label'),
    state: value('state'),
    started_at: value('started_at'),
    ended_at: value('ended_at'),
    exit_code: value('exit_code'),
    signal: value('signal'),
    reason: value('reason'),
    detail: value('detail'),
  } satisfies Record<keyof StepRow, unknown>),
);

export const insertOperation = preparedQuery<OperationRow>((db, value) =>
  db.insertInto('operation').values({
    id: value('id'),
    execution_id: value('execution_id'),
    attempt: value('attempt'),
    state: value('state'),
    runner_id: value('runner_id'),
    replica_id: value('replica_id'),
    created_at: value('created_at'),
    offered_at: value('offered_at'),
    accepted_at: value('accepted_at'),
    ended_at: value('ended_at'),
    lease_until: value('lease_until'),
    journal_bytes: value('journal_bytes'),
    journal_records: value('journal_records'),
  } satisfies Record<keyof OperationRow, unknown>),
);

export function executionRow(request: StartRequest, chosen: Chosen | null, now: number): ExecutionRow {
  return {
    id: request.onceId ?? randomUUID(),
    number: 0,
    project_id: request.project.id,
    project_name: request.project.name,
    kind: request.kind,
    job_id: request.job?.id ?? null,
    job_name: request.job?.name ?? null,
    title: request.title,
    state: 'queued',
    reason: '',
    user_id: request.user.id,
    user_name: request.user.name,
    created_at: now,
    started_at: null,
    ended_at: null,
    runner_id: null,
    runner_name: null,
    replica_id: null,
    replica_hostname: null,
    ...(chosen === null ? {} : runnerOf(chosen)),
    runner_tags: JSON.stringify(request.runnerTags),
    options: JSON.stringify(request.options),
    workflow: JSON.stringify(request.workflow),
    priority: request.priority,
    output_limit: JSON.stringify(request.outputLimit),
    queue_deadline: now + request.queueSeconds * 1000,
    lease_seconds: request.leaseSeconds,
    grace_seconds: request.graceSeconds,
    survivors: '[]',
    notes: '[]',
    cancel_asked_at: null,
    cancel_reason: null,
  };
}

export function stepRows(workflow: Workflow, executionId: string): StepRow[] {
  return workflow.steps.map((step, position) => ({
    execution_id: executionId,
    position,
    type: step.type,
    label: stepLabel(step),
    state: 'waiting',
    started_at: null,
    ended_at: null,
    exit_code: null,
    signal: null,
    reason: null,
    detail: '',
  }));
}

export function operationRow(id: string, row: ExecutionRow, chosen: Chosen | null, now: number): OperationRow {
  return {
    id,
    execution_id: row.id,
    attempt: 1,
    state: chosen === null ? 'pending' : 'offered',
    runner_id: null,
    replica_id: null,
    created_at: now,
    offered_at: null,
    accepted_at: null,
    ended_at: null,
    lease_until: null,
    journal_bytes: null,
    journal_records: null,
    ...(chosen === null ? {} : givenTo(chosen, now, row.lease_seconds)),
  };
}
