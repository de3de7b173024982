import { type Kysely, sql } from 'kysely';
import { type Job, JobInputSchema } from '../../protocol/api/jobs.ts';
import { TERMINAL_STATES } from '../../protocol/execution-state.ts';
import { summaryView } from '../executions/execution-record.ts';
import type { Database, JobTable } from '../store/schema.ts';
import { isoTime } from '../store/stored-forms.ts';

/** So many ended executions make the average and the rate of success. */
const LOOKED_BACK = 50;
/** Jobs in one query: parameters are limited. */
const JOBS_PER_QUERY = 500;

interface History {
  readonly last: Job['lastExecution'];
  readonly averageSeconds: number | null;
  readonly successRate: number | null;
}

const NONE: History = { last: null, averageSeconds: null, successRate: null };

/** What a job does, as it is stored. */
export function jobDefinition(row: Pick<JobTable, 'definition'>) {
  return JobInputSchema.parse(JSON.parse(row.definition));
}

/** Jobs of one project as the API shows them: two queries for all of them, whatever they have behind them. */
export async function jobViews(read: Kysely<Database>, project: string, rows: readonly JobTable[]): Promise<Job[]> {
  const histories = new Map<string, History>();
  for (let i = 0; i < rows.length; i += JOBS_PER_QUERY) {
    const ids = rows.slice(i, i + JOBS_PER_QUERY).map((row) => row.id);
    for (const [id, history] of await readHistories(read, ids)) histories.set(id, history);
  }
  return rows.map((row) => {
    const { last, averageSeconds, successRate } = histories.get(row.id) ?? NONE;
    return {
      ...jobDefinition(row),
      id: row.id,
      project,
      version: row.version,
      createdAt: isoTime(row.created_at),
      updatedAt: isoTime(row.updated_at),
      lastExecution: last,
      averageSeconds,
      successRate,
    };
  });
}

export async function jobView(read: Kysely<Database>, project: string, row: JobTable): Promise<Job> {
  const [view] = await jobViews(read, project, [row]);
  if (view === undefined) throw new Error('One row gives one view.');
  return view;
}

async function readHistories(read: Kysely<Database>, ids: readonly string[]): Promise<Map<string, History>> {
  const histories = new Map<string, History>();
  // Each sub-query walks the index (job, created) from its end, so a long past costs nothing.
  const latest = await read
    .selectFrom('job')
    .innerJoin('execution', (join) =>
      join.on('execution.id', '=', (eb) =>
        eb
          .selectFrom('execution as one')
          .select('one.id')
          .whereRef('one.job_id', '=', 'job.id')
          .orderBy('one.created_at', 'desc')
          .orderBy('one.number', 'desc')
          .limit(1),
      ),
    )
    .selectAll('execution')
    .where('job.id', 'in', ids)
    .execute();
  const ended = await read
    .selectFrom('job')
    .innerJoin('execution', (join) =>
      join.on('execution.id', 'in', (eb) =>
        eb
          .selectFrom('execution as one')
          .select('one.id')
          .whereRef('one.job_id', '=', 'job.id')
          .where('one.state', 'in', TERMINAL_STATES)
          .orderBy('one.created_at', 'desc')
          .limit(LOOKED_BACK),
      ),
    )
    .select((eb) => [
      'job.id',
      eb.fn.countAll<number>().as('count'),
      sql<number>`sum(case when execution.state = 'succeeded' then 1 else 0 end)`.as('succeeded'),
      sql<number | null>`avg(execution.ended_at - execution.started_at)`.as('average'),
    ])
    .where('job.id', 'in', ids)
    .groupBy('job.id')
    .execute();
  for (const row of latest) {
    if (row.job_id !== null) histories.set(row.job_id, { ...NONE, last: summaryView(row) });
  }
  for (const { id, count, succeeded, average } of ended) {
    const averageSeconds = average === null ? null : Math.round(Number(average)) / 1000;
    const successRate = Number(count) === 0 ? null : Number(succeeded) / Number(count);
    histories.set(id, { ...(histories.get(id) ?? NONE), averageSeconds, successRate });
  }
  return histories;
}
