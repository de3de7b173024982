import {
  type Compilable,
  CompiledQuery,
  DummyDriver,
  Kysely,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
  type Transaction,
} from 'kysely';
import type { Database } from './schema.ts';

/** Stands for a value while a query is built. */
class Placeholder {
  readonly name: PropertyKey;

  constructor(name: PropertyKey) {
    this.name = name;
  }
}

/** Builds queries and runs none. */
const builder = new Kysely<Database>({
  dialect: {
    createAdapter: () => new SqliteAdapter(),
    createDriver: () => new DummyDriver(),
    createIntrospector: (db) => new SqliteIntrospector(db),
    createQueryCompiler: () => new SqliteQueryCompiler(),
  },
});

/** Runs the text of a query at once. */
export type RunStatement = (sql: string, parameters: readonly unknown[]) => unknown[];

const straight = new WeakMap<object, RunStatement>();

/** From here on prepared queries on `db` run by `run`, past the layers that Kysely needs for queries of its own. */
export function runStraight(db: Kysely<Database>, run: RunStatement): void {
  straight.set(db, run);
}

/**
 * A query that is built once and run often with other values: for the few that every execution needs, because building one
 * takes longer than running it. `build` gets a stand-in for each value; the text of the query must not depend on a value.
 */
export function preparedQuery<Values extends object, Row = unknown>(
  build: (db: Kysely<Database>, value: <Name extends keyof Values>(name: Name) => Values[Name]) => Compilable<Row>,
): (db: Kysely<Database> | Transaction<Database>, values: Values) => Promise<{ readonly rows: Row[] }> {
  const built = build(
    builder,
    <Name extends keyof Values>(name: Name) => new Placeholder(name) as Values[Name],
  ).compile();
  const { sql, parameters } = built;
  return async (db, values) => {
    const filled = parameters.map((one) => (one instanceof Placeholder ? values[one.name as keyof Values] : one));
    const run = straight.get(db);
    if (run !== undefined) return { rows: run(sql, filled) as Row[] };
    return db.executeQuery<Row>(CompiledQuery.raw(sql, filled) as CompiledQuery<Row>);
  };
}
