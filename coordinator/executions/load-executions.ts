import { TERMINAL_STATES } from '../../protocol/execution-state.ts';
import type { Store } from '../store/store.ts';
import { ExecutionRecord, type ExecutionRow } from './execution-record.ts';

const ENDED: readonly string[] = TERMINAL_STATES;
const ACTIVE = ['scheduled', 'queued', 'running', 'stopping'] as const;

/** Rows in one query: parameters are limited. */
const ROWS_PER_QUERY = 500;

/** Reads one execution with its steps and its operation; null when there is none. */
export async function loadExecution(store: Store, id: string): Promise<ExecutionRecord | null> {
  const row = await store.read.selectFrom('execution').selectAll().where('id', '=', id).executeTakeFirst();
  if (row === undefined) return null;
  const [steps, operation, job] = await Promise.all([
    store.read.selectFrom('execution_step').selectAll().where('execution_id', '=', id).orderBy('position').execute(),
    store.read.selectFrom('operation').selectAll().where('execution_id', '=', id).executeTakeFirstOrThrow(),
    row.job_id === null || ENDED.includes(row.state)
      ? undefined
      : store.read.selectFrom('job').select('group_path').where('id', '=', row.job_id).executeTakeFirst(),
  ]);
  return new ExecutionRecord(row, steps, operation, job?.group_path ?? '');
}

/** The execution that an operation belongs to, or null. */
export async function loadByOperation(store: Store, operation: string): Promise<ExecutionRecord | null> {
  const row = await store.read
    .selectFrom('operation')
    .select('execution_id')
    .where('id', '=', operation)
    .executeTakeFirst();
  return row === undefined ? null : loadExecution(store, row.execution_id);
}

/** Everything that was not over when the coordinator stopped, oldest first. */
export async function loadActive(store: Store): Promise<ExecutionRecord[]> {
  const records: ExecutionRecord[] = [];
  for (let after = 0; ; ) {
    const rows = await store.read
      .selectFrom('execution')
      .selectAll()
      .where('state', 'in', ACTIVE)
      .where('number', '>', after)
      .orderBy('number')
      .limit(ROWS_PER_QUERY)
      .execute();
    records.push(...(await withParts(store, rows)));
    if (rows.length < ROWS_PER_QUERY) return records;
    after = rows.at(-1)?.number ?? after;
  }
}

async function withParts(store: Store, rows: readonly ExecutionRow[]): Promise<ExecutionRecord[]> {
  const ids = rows.map((row) => row.id);
  const jobIds = [...new Set(rows.flatMap((row) => (row.job_id === null ? [] : [row.job_id])))];
  const [steps, operations, jobs] = await Promise.all([
    store.read.selectFrom('execution_step').selectAll().where('execution_id', 'in', ids).orderBy('position').execute(),
    store.read.selectFrom('operation').selectAll().where('execution_id', 'in', ids).execute(),
    store.read.selectFrom('job').select(['id', 'group_path']).where('id', 'in', jobIds).execute(),
  ]);
  const stepsOf = Map.groupBy(steps, (step) => step.execution_id);
  const operationOf = new Map(operations.map((operation) => [operation.execution_id, operation]));
  const groupOf = new Map(jobs.map((job) => [job.id, job.group_path]));
  return rows.flatMap((row) => {
    const operation = operationOf.get(row.id);
    if (operation === undefined) return [];
    return [new ExecutionRecord(row, stepsOf.get(row.id) ?? [], operation, groupOf.get(row.job_id ?? '') ?? '')];
  });
}
