import type { Kysely } from 'kysely';
import { sameNameKey } from '../../protocol/fields.ts';
import { OutrunnerError } from '../../protocol/problems.ts';
import { preparedQuery } from '../store/prepared-query.ts';
import type { Database, ProjectTable } from '../store/schema.ts';

const projectNamed = preparedQuery<{ key: string }, ProjectTable>((db, value) =>
  db.selectFrom('project').selectAll().where('name_key', '=', value('key')),
);

/** The project called `name` (compared without case). @throws OutrunnerError `not-found`. */
export async function findProject(read: Kysely<Database>, name: string): Promise<ProjectTable> {
  const [row] = (await projectNamed(read, { key: sameNameKey(name) })).rows;
  if (row === undefined) throw new OutrunnerError('not-found', { detail: `There is no project “${name}”.` });
  return row;
}
