import { sql } from 'kysely';
import type { z } from 'zod';
import type { ExecutionSummary, executionRoutes } from '../../protocol/api/executions.ts';
import { OutrunnerError } from '../../protocol/problems.ts';
import type { Store } from '../store/store.ts';
import { summaryView } from './execution-record.ts';
import type { LiveExecutions } from './live-executions.ts';

type ListQuery = z.output<(typeof executionRoutes)['listExecutions']['query']>;

const ACTIVE = ['scheduled', 'queued', 'running', 'stopping'] as const;

/** Executions that match, newest first. The cursor is the number of the last one that was shown. */
export async function listExecutions(
  deps: { store: Store; live: LiveExecutions },
  query: ListQuery,
): Promise<{ items: ExecutionSummary[]; next: string | null; total: number }> {
  const matching = matchingRows(deps.store, query);
  const before = cursorOf(query.cursor);
  const [counted, rows] = await Promise.all([
    matching.select((eb) => eb.fn.countAll<number>().as('count')).executeTakeFirstOrThrow(),
    matching
      .selectAll()
      .$if(before !== null, (select) => select.where('number', '<', before))
      .orderBy('number', 'desc')
      .limit(query.limit + 1)
      .execute(),
  ]);
  const page = rows.slice(0, query.limit);
  const last = page.at(-1);
  return {
    // What is not over is newer in memory than in the table by a moment.
    items: page.map((row) => summaryView(deps.live.ofExecution(row.id)?.row ?? row)),
    next: rows.length > query.limit && last !== undefined ? String(last.number) : null,
    total: Number(counted.count),
  };
}

function cursorOf(cursor: string | undefined): number | null {
  if (cursor === undefined) return null;
  if (/^[0-9]{1,15}$/.test(cursor)) return Number(cursor);
  throw new OutrunnerError('invalid-input', {
    fields: [{ path: 'query.cursor', message: 'cursor must be what next said.' }],
  });
}

function matchingRows(store: Store, query: ListQuery) {
  const { search, project, job, kind, state, user, runner, since, until } = query;
  let select = store.read.selectFrom('execution');
  if (project !== undefined) select = select.where(sql`lower(project_name)`, '=', project.toLowerCase());
  if (job !== undefined) select = select.where('job_id', '=', job);
  if (kind === 'ad-hoc') select = select.where('kind', '!=', 'job');
  else if (kind !== undefined) select = select.where('kind', '=', kind);
  if (state === 'active') select = select.where('state', 'in', ACTIVE);
  else if (state !== undefined) select = select.where('state', '=', state);
  if (user !== undefined) select = select.where('user_name', '=', user);
  if (runner !== undefined) select = select.where('runner_id', '=', runner);
  if (since !== undefined) select = select.where('created_at', '>=', Date.parse(since));
  if (until !== undefined) select = select.where('created_at', '<=', Date.parse(until));
  const words = (search ?? '')
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== '');
  for (const word of words) {
    const pattern = `%${word.replace(/^#/, '').replace(/[\\%_]/g, '\\$&')}%`;
    select = select.where(
      sql<boolean>`(lower(title) like ${pattern} escape '\\' or lower(user_name) like ${pattern} escape '\\'
        or lower(coalesce(runner_name, '')) like ${pattern} escape '\\' or cast(number as text) like ${pattern} escape '\\')`,
    );
  }
  return select;
}
