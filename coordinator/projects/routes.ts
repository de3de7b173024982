import { ROUTES } from '../../protocol/api/routes.ts';
import { sameNameKey } from '../../protocol/fields.ts';
import type { Serve } from '../http/call.ts';
import { naturalKey, pageBy, type SortKey, sortOrder } from '../http/page.ts';
import type { ProjectTable } from '../store/schema.ts';
import { createProject, deleteProject, type ProjectDeps, updateProject } from './change-projects.ts';
import { findProject } from './find-project.ts';
import { projectView, projectViews } from './project-view.ts';

export function serveProjects(serve: Serve, deps: ProjectDeps): void {
  const { store } = deps;

  serve(ROUTES.listProjects, async ({ query }) => {
    const rows = await store.read.selectFrom('project').selectAll().execute();
    const { by, descending } = sortOrder(query.sort);
    const page = pageBy(matching(rows, query.search), query, sortKey(by), descending);
    return { ...page, items: await projectViews(store.read, page.items) };
  });

  serve(ROUTES.createProject, ({ body }, { onceId }) => createProject(deps, body, onceId));
  serve(ROUTES.getProject, async ({ params }) =>
    projectView(store.read, await findProject(store.read, params.project)),
  );
  serve(ROUTES.updateProject, ({ params, body }) => updateProject(deps, params.project, body));
  serve(ROUTES.deleteProject, ({ params }) => deleteProject(deps, params.project));
}

/** Projects whose name, label or description has the text, without case. */
function matching(rows: readonly ProjectTable[], search: string | undefined): readonly ProjectTable[] {
  const wanted = sameNameKey(search ?? '');
  if (wanted === '') return rows;
  return rows.filter((row) => sameNameKey(`${row.name}\n${row.label}\n${row.description}`).includes(wanted));
}

function sortKey(by: string): (row: ProjectTable) => SortKey {
  if (by === 'createdAt') return (row) => [row.created_at, row.name_key];
  if (by === 'label') return (row) => [naturalKey(row.label), row.name_key];
  return (row) => [naturalKey(row.name), row.name_key];
}
