import type { Kysely } from 'kysely';
import { sameNameKey } from '../../protocol/fields.ts';
import { OutrunnerError } from '../../protocol/problems.ts';
import type { Database, ProjectTable } from '../store/schema.ts';

/** The project called `name` (compared without case). @throws OutrunnerError `not-found`. */
export async function findProject(read: Kysely<Database>, name: string): Promise<ProjectTable> {
  const row = await read.selectFrom('project').selectAll().where('name_key', '=', sameNameKey(name)).executeTakeFirst();
  if (row === undefined) throw new OutrunnerError('not-found', { detail: `There is no project “${name}”.` });
  return row;
}
