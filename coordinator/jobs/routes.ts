import { ROUTES } from '../../protocol/api/routes.ts';
import { sameNameKey } from '../../protocol/fields.ts';
import { OutrunnerError } from '../../protocol/problems.ts';
import type { Executions } from '../executions/executions.ts';
import type { Serve } from '../http/call.ts';
import { naturalKey, pageBy, type SortKey, sortOrder } from '../http/page.ts';
import { findProject } from '../projects/find-project.ts';
import type { JobTable } from '../store/schema.ts';
import { createJob, deleteJob, findJob, type JobDeps, replaceJob } from './change-jobs.ts';
import { announceHistories } from './job-announcer.ts';
import { jobView, jobViews } from './job-view.ts';
import { runAdHoc, runJob } from './run-job.ts';

/** The calls about jobs, and those that run something. */
export function serveJobs(serve: Serve, deps: JobDeps, executions: Executions): void {
  const { store } = deps;
  announceHistories(deps, executions);

  serve(ROUTES.listJobs, async ({ params, query }) => {
    const project = await findProject(store.read, params.project);
    const rows = await store.read.selectFrom('job').selectAll().where('project_id', '=', project.id).execute();
    const { by, descending } = sortOrder(query.sort);
    const page = pageBy(matching(rows, query.search), query, sortKey(by), descending);
    return { ...page, items: await jobViews(store.read, project.name, page.items) };
  });

  serve(ROUTES.createJob, ({ params, body }, { onceId }) => createJob(deps, params.project, body, onceId));

  serve(ROUTES.getJob, async ({ params }, context) => {
    const { row, project } = await findJob(store.read, params.id);
    context.setHeader('etag', `"${row.version}"`);
    return jobView(store.read, project, row);
  });

  serve(ROUTES.replaceJob, ({ params, body }, context) =>
    replaceJob(deps, params.id, body, expectedVersion(context.headers['if-match'])),
  );

  serve(ROUTES.deleteJob, ({ params }) => deleteJob(deps, params.id));

  serve(ROUTES.runJob, ({ params, body }, { caller, onceId }) =>
    runJob(executions, params.id, body, caller.account, onceId),
  );

  serve(ROUTES.runAdHoc, ({ params, body }, { caller, onceId }) =>
    runAdHoc(executions, params.project, body, caller.account, onceId),
  );
}

/** The version that the caller looked at, from `If-Match: "3"`; null when it did not say. */
function expectedVersion(header: string | undefined): number | null {
  if (header === undefined || header.trim() === '*') return null;
  const version = /^"?(\d{1,9})"?$/.exec(header.trim())?.[1];
  if (version !== undefined) return Number(version);
  const message = 'If-Match must be the version of the job, like "3".';
  throw new OutrunnerError('invalid-input', { detail: message, fields: [{ path: 'headers.if-match', message }] });
}

/** Jobs in whose name, group or definition the text stands, without case. */
function matching(rows: readonly JobTable[], search: string | undefined): readonly JobTable[] {
  const wanted = sameNameKey(search ?? '');
  if (wanted === '') return rows;
  return rows.filter((row) => sameNameKey(`${row.group_path}/${row.name}\n${row.definition}`).includes(wanted));
}

function sortKey(by: string): (row: JobTable) => SortKey {
  if (by === 'updatedAt') return (row) => [row.updated_at, row.id];
  return (row) => [naturalKey(row.name), naturalKey(row.group_path), row.id];
}
