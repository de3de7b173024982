import type { Transaction } from 'kysely';
import type { Assignment } from '../../protocol/api/runners.ts';
import { sameNameKey } from '../../protocol/fields.ts';
import { type FieldProblem, OutrunnerError } from '../../protocol/problems.ts';
import { tagKey } from '../../protocol/tags.ts';
import type { Database } from '../store/schema.ts';

/** What only the tables can say of a Runner's input: is the name free, are the projects there. And writing its lists. */

/** @throws OutrunnerError `name-taken` naming the field. `ownId`: the Runner that may have the name. */
export async function needFreeName(tx: Transaction<Database>, name: string, ownId: string | null): Promise<void> {
  const taken = await tx
    .selectFrom('runner')
    .select(['id', 'name'])
    .where('name_key', '=', sameNameKey(name))
    .executeTakeFirst();
  if (taken === undefined || taken.id === ownId) return;
  const message = `There is a Runner “${taken.name}” already.`;
  throw new OutrunnerError('name-taken', { detail: message, fields: [{ path: 'name', message }] });
}

/** Sets the tags of a Runner, in this order. */
export async function writeTags(tx: Transaction<Database>, runnerId: string, tags: readonly string[]): Promise<void> {
  await tx.deleteFrom('runner_tag').where('runner_id', '=', runnerId).execute();
  const rows = tags.map((tag, position) => ({ runner_id: runnerId, position, tag, tag_key: tagKey(tag) }));
  await tx.insertInto('runner_tag').values(rows).execute();
}

/** Sets the projects of a Runner. @throws OutrunnerError `invalid-input` naming each project that is not there. */
export async function writeAssignments(
  tx: Transaction<Database>,
  runnerId: string,
  assignments: readonly Assignment[],
): Promise<void> {
  const keys = assignments.map(({ project }) => sameNameKey(project));
  const rows =
    keys.length === 0
      ? []
      : await tx.selectFrom('project').select(['id', 'name_key']).where('name_key', 'in', keys).execute();
  const idOf = new Map(rows.map((row) => [row.name_key, row.id]));
  const fields: FieldProblem[] = [];
  const values = assignments.flatMap((assignment, index) => {
    const projectId = idOf.get(keys[index] ?? '');
    if (projectId === undefined) {
      fields.push({ path: `projects.${index}.project`, message: `There is no project “${assignment.project}”.` });
      return [];
    }
    return [
      {
        runner_id: runnerId,
        project_id: projectId,
        as_node: assignment.asNode ? (1 as const) : (0 as const),
        remote_dispatch: assignment.remoteDispatch ? (1 as const) : (0 as const),
        node_filter: assignment.nodeFilter,
      },
    ];
  });
  if (fields.length > 0) throw new OutrunnerError('invalid-input', { detail: fields[0]?.message ?? '', fields });
  await tx.deleteFrom('assignment').where('runner_id', '=', runnerId).execute();
  if (values.length > 0) await tx.insertInto('assignment').values(values).execute();
}
