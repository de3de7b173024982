import { TERMINAL_STATES } from '../../protocol/execution-state.ts';
import type { Store } from '../store/store.ts';
import { ExecutionRecord } from './execution-record.ts';

const ENDED: readonly string[] = TERMINAL_STATES;
const ACTIVE = ['scheduled', 'queued', 'running', 'stopping'] as const;

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
  const rows = await store.read
    .selectFrom('execution')
    .select('id')
    .where('state', 'in', ACTIVE)
    .orderBy('number')
    .execute();
  const records: ExecutionRecord[] = [];
  for (const { id } of rows) {
    const record = await loadExecution(store, id);
    if (record !== null) records.push(record);
  }
  return records;
}
