import { randomUUID } from 'node:crypto';
import type { Logger } from 'pino';
import type { Clock } from '../../protocol/clock.ts';
import { type OutputLimit, stepLabel, type Workflow } from '../../protocol/operation.ts';
import { OutrunnerError } from '../../protocol/problems.ts';
import type { RunnerLink } from '../gateway/runner-link.ts';
import type { Store } from '../store/store.ts';
import type { Dispatcher } from './dispatcher.ts';
import type { ExecutionLife } from './execution-life.ts';
import { ExecutionRecord, type ExecutionRow, laneOf, type OperationRow, type StepRow } from './execution-record.ts';
import type { LiveExecutions } from './live-executions.ts';
import { refuseTooLarge } from './message-size.ts';
import { type Chosen, givenTo, runnerOf } from './offer-rows.ts';

/** What is to be run, with everything decided but by which Runner. */
export interface StartRequest {
  /** For a call that may be repeated: the id that the execution gets. */
  readonly onceId?: string | undefined;
  readonly project: { readonly id: string; readonly name: string };
  readonly kind: ExecutionRow['kind'];
  readonly job: { readonly id: string; readonly name: string; readonly group: string } | null;
  readonly title: string;
  readonly workflow: Workflow;
  readonly runnerTags: readonly string[];
  readonly options: Readonly<Record<string, string>>;
  readonly queueSeconds: number;
  readonly leaseSeconds: number;
  readonly graceSeconds: number;
  readonly priority: number;
  readonly outputLimit: OutputLimit;
  readonly user: { readonly id: string; readonly name: string };
}

export interface StartDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Logger;
  readonly link: RunnerLink;
  readonly live: LiveExecutions;
  readonly dispatcher: Dispatcher;
  readonly life: ExecutionLife;
  created(record: ExecutionRecord): void;
}

/**
 * Starts an execution: chooses a Runner if one is free, stores all of it in one durable write, then sends. Resolves once
 * it is durable.
 * @throws OutrunnerError `invalid-input` when it is too large to be sent to an agent.
 */
export async function startExecution(deps: StartDeps, request: StartRequest): Promise<ExecutionRecord> {
  const { clock, dispatcher, life, link, live, store } = deps;
  refuseTooLarge(request.workflow, request.options);
  const operationId = randomUUID();
  // What waits already goes first, by the order of the queue.
  const chosen = dispatcher.mustWait(laneOf(request.project.id, request.runnerTags))
    ? null
    : await dispatcher.choose(request.project.id, request.runnerTags, operationId);
  const now = clock.now();
  const row = executionRow(request, chosen, now);
  const steps = stepRows(request.workflow, row.id);
  const operation = operationRow(operationId, row, chosen, now);
  try {
    row.number = await store.write(async (tx) => {
      // Deleted since the caller looked: nothing may be left waiting for Runners of a project that is gone.
      const project = await tx
        .selectFrom('project')
        .select('id')
        .where('id', '=', request.project.id)
        .executeTakeFirst();
      if (project === undefined) throw new OutrunnerError('not-found', { detail: 'The project was deleted.' });
      const last = await tx
        .selectFrom('execution')
        .select((eb) => eb.fn.max('number').as('number'))
        .executeTakeFirst();
      const number = Number(last?.number ?? 0) + 1;
      await tx
        .insertInto('execution')
        .values({ ...row, number })
        .execute();
      await tx.insertInto('execution_step').values(steps).execute();
      await tx.insertInto('operation').values(operation).execute();
      return number;
    });
  } catch (error) {
    if (chosen !== null) link.release(chosen.replicaId, operationId);
    throw error;
  }
  const { runnerTags: tags, options, workflow, outputLimit } = request;
  const parts = { tags, options, workflow, outputLimit };
  const record = new ExecutionRecord(row, steps, operation, request.job?.group ?? '', parts);
  live.add(record);
  if (chosen === null) {
    deps.created(record);
    dispatcher.wait(record);
  } else {
    life.hold(record);
    // The agent first: telling the consoles takes as long as the way to the agent, and nobody waits for it.
    dispatcher.send(record);
    deps.created(record);
  }
  return record;
}

function executionRow(request: StartRequest, chosen: Chosen | null, now: number): ExecutionRow {
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

function stepRows(workflow: Workflow, executionId: string): StepRow[] {
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

function operationRow(id: string, row: ExecutionRow, chosen: Chosen | null, now: number): OperationRow {
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
