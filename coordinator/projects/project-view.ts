import type { Kysely } from 'kysely';
import type { Project } from '../../protocol/api/projects.ts';
import type { Database, ProjectTable } from '../store/schema.ts';
import { isoTime } from '../store/stored-forms.ts';

/** Projects as the API shows them, with what they hold counted. */
export async function projectViews(read: Kysely<Database>, rows: readonly ProjectTable[]): Promise<Project[]> {
  const ids = rows.map((row) => row.id);
  if (ids.length === 0) return [];
  const jobs = await read
    .selectFrom('job')
    .select((row) => ['project_id', row.fn.countAll<number>().as('count')])
    .where('project_id', 'in', ids)
    .groupBy('project_id')
    .execute();
  const runners = await read
    .selectFrom('assignment')
    .select((row) => ['project_id', row.fn.countAll<number>().as('count')])
    .where('project_id', 'in', ids)
    .groupBy('project_id')
    .execute();
  // By state, of which there is an index: few executions run, very many have ended.
  const running = await read
    .selectFrom('execution')
    .select((row) => ['project_id', row.fn.countAll<number>().as('count')])
    .where('state', 'in', ['running', 'stopping'])
    .groupBy('project_id')
    .execute();
  const countOf = (counts: readonly { project_id: string; count: number }[]) =>
    new Map(counts.map((row) => [row.project_id, row.count]));
  const [jobsOf, runnersOf, runningOf] = [countOf(jobs), countOf(runners), countOf(running)];
  return rows.map((row) => ({
    name: row.name,
    label: row.label,
    description: row.description,
    selection: row.selection,
    createdAt: isoTime(row.created_at),
    jobs: jobsOf.get(row.id) ?? 0,
    runners: runnersOf.get(row.id) ?? 0,
    running: runningOf.get(row.id) ?? 0,
  }));
}

/** One project as the API shows it. */
export async function projectView(read: Kysely<Database>, row: ProjectTable): Promise<Project> {
  const [view] = await projectViews(read, [row]);
  if (view === undefined) throw new Error('One row gives one view.');
  return view;
}
