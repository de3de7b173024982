import { randomUUID } from 'node:crypto';
import type { z } from 'zod';
import type { NewProjectSchema, Project, ProjectChangeSchema } from '../../protocol/api/projects.ts';
import type { Clock } from '../../protocol/clock.ts';
import { sameNameKey } from '../../protocol/fields.ts';
import { OutrunnerError } from '../../protocol/problems.ts';
import { isRepeat } from '../http/idempotency.ts';
import type { Live } from '../live/live.ts';
import type { ProjectTable } from '../store/schema.ts';
import type { Store } from '../store/store.ts';
import { findProject } from './find-project.ts';
import { projectView } from './project-view.ts';

export interface ProjectDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly live: Live;
  /** These Runners lost an assignment. */
  runnersChanged(runnerIds: readonly string[]): Promise<void>;
}

/** Makes a project. @throws OutrunnerError `name-taken`. */
export async function createProject(
  deps: ProjectDeps,
  input: z.output<typeof NewProjectSchema>,
  onceId?: string,
): Promise<Project> {
  const now = deps.clock.now();
  const fresh: ProjectTable = {
    id: onceId ?? randomUUID(),
    name: input.name,
    name_key: sameNameKey(input.name),
    label: input.label === '' ? input.name : input.label,
    description: input.description,
    selection: input.selection,
    created_at: now,
    updated_at: now,
  };
  const row = await deps.store.write(async (tx) => {
    const same = tx.selectFrom('project').selectAll().where('name_key', '=', fresh.name_key);
    const taken = await same.executeTakeFirst();
    // Made by this very call, whose answer was lost.
    if (taken?.id === fresh.id && isRepeat(taken.created_at, now)) return taken;
    if (taken !== undefined) {
      const message = `There is a project “${taken.name}” already.`;
      throw new OutrunnerError('name-taken', { detail: message, fields: [{ path: 'name', message }] });
    }
    await tx.insertInto('project').values(fresh).execute();
    return fresh;
  });
  const project = await projectView(deps.store.read, row);
  deps.live.publish({ topic: 'project', action: 'created', id: project.name, project });
  return project;
}

/** Changes what is given and leaves the rest. @throws OutrunnerError `not-found`. */
export async function updateProject(
  deps: ProjectDeps,
  name: string,
  change: z.output<typeof ProjectChangeSchema>,
): Promise<Project> {
  const row = await deps.store.write(async (tx) => {
    const { id } = await findProject(tx, name);
    return tx
      .updateTable('project')
      .set({ ...change, updated_at: deps.clock.now() })
      .where('id', '=', id)
      .returningAll()
      .executeTakeFirstOrThrow();
  });
  const project = await projectView(deps.store.read, row);
  deps.live.publish({ topic: 'project', action: 'updated', id: project.name, project });
  return project;
}

/**
 * Deletes a project with its jobs and assignments; its executions stay readable. @throws OutrunnerError `not-found`, or
 * `project-not-empty` while one of its executions has not ended.
 */
export async function deleteProject(deps: ProjectDeps, name: string): Promise<void> {
  const gone = await deps.store.write(async (tx) => {
    const row = await findProject(tx, name);
    const active = await tx
      .selectFrom('execution')
      .select((execution) => execution.fn.countAll<number>().as('count'))
      .where('project_id', '=', row.id)
      .where('state', 'in', ['scheduled', 'queued', 'running', 'stopping'])
      .executeTakeFirstOrThrow();
    if (active.count > 0) {
      const detail = `${active.count} of its executions have not ended.`;
      throw new OutrunnerError('project-not-empty', { detail });
    }
    const runners = await tx.selectFrom('assignment').select('runner_id').where('project_id', '=', row.id).execute();
    const jobs = await tx.selectFrom('job').select('id').where('project_id', '=', row.id).execute();
    await tx.deleteFrom('project').where('id', '=', row.id).execute();
    return { name: row.name, runners: runners.map((one) => one.runner_id), jobs: jobs.map((one) => one.id) };
  });
  for (const id of gone.jobs) deps.live.publish({ topic: 'job', action: 'deleted', id });
  deps.live.publish({ topic: 'project', action: 'deleted', id: gone.name });
  await deps.runnersChanged(gone.runners);
}
