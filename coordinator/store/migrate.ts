import type { Kysely } from 'kysely';
import { type Migration, Migrator } from 'kysely/migration';
import { StartError } from '../start-error.ts';
import type { Database } from './schema.ts';

/**
 * Runs the migrations that the database has not seen yet, each exactly once and in the order of their names.
 * @throws StartError when the database has seen a migration that this Outrunner does not know: it is older than its data.
 */
export async function migrate(kysely: Kysely<Database>, migrations: Record<string, Migration>): Promise<void> {
  const migrator = new Migrator({ db: kysely, provider: { getMigrations: async () => migrations } });
  const unknown = (await appliedMigrations(kysely)).filter((name) => !(name in migrations));
  if (unknown.length > 0) {
    throw new StartError(
      'data',
      `The database was made by a newer Outrunner (it has ${unknown.join(', ')}). Start that version, or restore an older copy of the data folder.`,
    );
  }
  const { error } = await migrator.migrateToLatest();
  if (error !== undefined) throw error;
}

async function appliedMigrations(kysely: Kysely<Database>): Promise<string[]> {
  const tables = await kysely.introspection.getTables({ withInternalKyselyTables: true });
  if (!tables.some((table) => table.name === 'kysely_migration')) return [];
  const untyped = kysely as unknown as Kysely<{ kysely_migration: { name: string } }>;
  return (await untyped.selectFrom('kysely_migration').select('name').execute()).map((row) => row.name);
}
