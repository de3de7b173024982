import { randomUUID } from 'node:crypto';
import type { Logger } from 'pino';
import type { Clock } from '../../protocol/clock.ts';
import type { OutputLimit, Workflow } from '../../protocol/operation.ts';
import { OutrunnerError } from '../../protocol/problems.ts';
import type { RunnerLink } from '../gateway/runner-link.ts';
import type { Store } from '../store/store.ts';
import type { Dispatcher } from './dispatcher.ts';
import type { ExecutionLife } from './execution-life.ts';
import { ExecutionRecord, type ExecutionRow, laneOf } from './execution-record.ts';
import type { LiveExecutions } from './live-executions.ts';
import { refuseTooLarge } from './message-size.ts';
import {
  executionRow,
  insertExecution,
  insertOperation,
  insertStep,
  lastNumber,
  operationRow,
  stepRows,
} from './new-rows.ts';

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
      const [project] = (await lastNumber(tx, { id: request.project.id })).rows;
      if (project === undefined) throw new OutrunnerError('not-found', { detail: 'The project was deleted.' });
      const number = Number(project.last ?? 0) + 1;
      await insertExecution(tx, { ...row, number });
      for (const step of steps) await insertStep(tx, step);
      await insertOperation(tx, operation);
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
