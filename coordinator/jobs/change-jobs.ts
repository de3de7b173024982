import { randomUUID } from 'node:crypto';
import type { Kysely, Transaction } from 'kysely';
import type { z } from 'zod';
import type { Job, JobInputSchema } from '../../protocol/api/jobs.ts';
import type { Clock } from '../../protocol/clock.ts';
import { sameNameKey } from '../../protocol/fields.ts';
import { OutrunnerError } from '../../protocol/problems.ts';
import { refuseTooLarge } from '../executions/message-size.ts';
import { isRepeat } from '../http/idempotency.ts';
import type { Live } from '../live/live.ts';
import { findProject } from '../projects/find-project.ts';
import type { Database, JobTable } from '../store/schema.ts';
import type { Store } from '../store/store.ts';
import { jobView } from './job-view.ts';

export interface JobDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly live: Live;
  /** The number of jobs of a project changed. */
  projectChanged?(project: string): void;
}

type Definition = z.output<typeof JobInputSchema>;

/**
 * Makes a job. @throws OutrunnerError `not-found` for the project, `name-taken` within project and group, `invalid-input`
 * when it does not fit into a message to an agent.
 */
export async function createJob(
  deps: JobDeps,
  projectName: string,
  input: Definition,
  onceId: string = randomUUID(),
): Promise<Job> {
  const { clock, live, store } = deps;
  const now = clock.now();
  refuseTooLarge(input.workflow, {});
  const { row, project } = await store.write(async (tx) => {
    const project = await findProject(tx, projectName);
    // Made by this very call, whose answer was lost.
    const made = await tx.selectFrom('job').selectAll().where('id', '=', onceId).executeTakeFirst();
    if (made !== undefined && isRepeat(made.created_at, now)) return { row: made, project };
    const row: JobTable = {
      id: made === undefined ? onceId : randomUUID(),
      project_id: project.id,
      ...stored(input),
      version: 1,
      created_at: now,
      updated_at: now,
    };
    await refuseTakenName(tx, row);
    await tx.insertInto('job').values(row).execute();
    return { row, project };
  });
  const job = await jobView(store.read, project.name, row);
  live.publish({ topic: 'job', action: 'created', id: job.id, job });
  deps.projectChanged?.(project.name);
  return job;
}

/**
 * Replaces what a job does. `expected`: the version that the caller looked at, if it said one.
 * @throws OutrunnerError `not-found`, `name-taken`, or `precondition-failed` when someone else changed it meanwhile.
 */
export async function replaceJob(deps: JobDeps, id: string, input: Definition, expected: number | null): Promise<Job> {
  const { clock, live, store } = deps;
  refuseTooLarge(input.workflow, {});
  const { row, project } = await store.write(async (tx) => {
    const { row: old, project } = await findJob(tx, id);
    if (expected !== null && expected !== old.version) {
      throw new OutrunnerError('precondition-failed', {
        detail: `The job is at version ${old.version} now, not ${expected}.`,
      });
    }
    const row: JobTable = { ...old, ...stored(input), version: old.version + 1, updated_at: clock.now() };
    await refuseTakenName(tx, row);
    const { id: _, ...change } = row;
    await tx.updateTable('job').set(change).where('id', '=', id).execute();
    return { row, project };
  });
  const job = await jobView(store.read, project, row);
  live.publish({ topic: 'job', action: 'updated', id, job });
  return job;
}

/** Deletes a job; its executions stay, with its name as it was. @throws OutrunnerError `not-found`. */
export async function deleteJob(deps: JobDeps, id: string): Promise<void> {
  const project = await deps.store.write(async (tx) => {
    const found = await findJob(tx, id);
    await tx.deleteFrom('job').where('id', '=', id).execute();
    return found.project;
  });
  deps.live.publish({ topic: 'job', action: 'deleted', id });
  deps.projectChanged?.(project);
}

/** A job and the name of its project. @throws OutrunnerError `not-found`. */
export async function findJob(read: Kysely<Database>, id: string): Promise<{ row: JobTable; project: string }> {
  const row = await read.selectFrom('job').selectAll().where('id', '=', id).executeTakeFirst();
  if (row === undefined) throw new OutrunnerError('not-found', { detail: 'There is no such job.' });
  const project = await read
    .selectFrom('project')
    .select('name')
    .where('id', '=', row.project_id)
    .executeTakeFirstOrThrow();
  return { row, project: project.name };
}

function stored(input: Definition) {
  return {
    group_path: input.group,
    name: input.name,
    name_key: sameNameKey(input.name),
    definition: JSON.stringify(input),
  };
}

async function refuseTakenName(tx: Transaction<Database>, row: JobTable): Promise<void> {
  const taken = await tx
    .selectFrom('job')
    .select('name')
    .where('project_id', '=', row.project_id)
    .where('group_path', '=', row.group_path)
    .where('name_key', '=', row.name_key)
    .where('id', '!=', row.id)
    .executeTakeFirst();
  if (taken === undefined) return;
  const where = row.group_path === '' ? 'this project' : `the group “${row.group_path}”`;
  const message = `There is a job “${taken.name}” in ${where} already.`;
  throw new OutrunnerError('name-taken', { detail: message, fields: [{ path: 'name', message }] });
}
