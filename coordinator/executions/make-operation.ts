import type { Operation } from '../../protocol/operation.ts';
import { operationSigningText, type ToAgent } from '../../protocol/wire.ts';
import type { RunnerLink } from '../gateway/runner-link.ts';
import type { ExecutionRecord } from './execution-record.ts';

/** How long an agent may take to accept. After that it must not, and the operation can be given to another. */
export const ACCEPT_WITHIN_MS = 60_000;

export interface OperationDeps {
  readonly link: Pick<RunnerLink, 'sign'>;
  /** Where people look at the coordinator. */
  publicUrl(): string;
}

/** The message that asks a replica to do what the record says, under its present attempt; signed with a key that it believes now. */
export function makeOperation(deps: OperationDeps, record: ExecutionRecord, now: number): ToAgent {
  const { row, operation, workflow } = record;
  const content: Operation = {
    operation: operation.id,
    execution: row.id,
    attempt: operation.attempt,
    runner: operation.runner_id ?? '',
    replica: operation.replica_id ?? '',
    project: row.project_name,
    job: row.job_id === null ? null : { id: row.job_id, name: row.job_name ?? '' },
    user: row.user_name,
    issuedAt: now,
    acceptBefore: now + ACCEPT_WITHIN_MS,
    plan: {
      steps: workflow.steps,
      keepGoing: workflow.keepGoing,
      timeoutSeconds: workflow.timeoutSeconds,
      graceSeconds: row.grace_seconds,
      outputLimit: record.outputLimit,
      options: { ...record.options },
      environment: environmentOf(record, deps.publicUrl()),
    },
  };
  const payload = JSON.stringify(content);
  const signature = deps.link.sign(content.replica, operationSigningText(payload));
  return { type: 'operation', payload, signature };
}

/** What every step finds in its environment about where it comes from. */
function environmentOf(record: ExecutionRecord, publicUrl: string): Record<string, string> {
  const { row } = record;
  return {
    RD_JOB_PROJECT: row.project_name,
    RD_JOB_EXECID: row.id,
    RD_JOB_USER_NAME: row.user_name,
    RD_JOB_URL: `${publicUrl}/executions/${row.id}`,
    ...(row.job_id === null
      ? {}
      : { RD_JOB_ID: row.job_id, RD_JOB_NAME: row.job_name ?? '', RD_JOB_GROUP: record.jobGroup }),
  };
}
