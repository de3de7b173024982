import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';
import { type DatabaseConnection, Kysely, SqliteAdapter, SqliteDialect, SqliteDriver } from 'kysely';
import { type RunStatement, runStraight } from './prepared-query.ts';
import type { Database } from './schema.ts';

/** Statements that stay prepared per connection. Compiled queries repeat; lists of varying length must not pile up. */
const PREPARED_STATEMENTS = 400;

/** One connection to a database file, with its prepared statements, as Kysely wants it. */
export interface SqliteConnection {
  readonly kysely: Kysely<Database>;
  /** A transaction is open. SQLite closes it by itself after some errors (disk full, I/O). */
  readonly inTransaction: boolean;
  /** Runs statements without parameters that give no rows: transaction control. */
  exec(sql: string): void;
  /** Runs one statement at once; its rows, if it gives any. */
  readonly run: RunStatement;
  close(): void;
}

/**
 * Opens a connection with a write-ahead log that is never torn, whatever happens. A commit is durable when that log was
 * flushed, and moves on into the database at a checkpoint: both are for the store to do. Throws what SQLite throws when the
 * file cannot be opened or is no database.
 */
export function openConnection(path: string, options: { readonly readOnly?: boolean } = {}): SqliteConnection {
  const readOnly = options.readOnly ?? false;
  const database = new DatabaseSync(path, { readOnly, enableForeignKeyConstraints: true, timeout: 5000 });
  try {
    if (!readOnly)
      database.exec(
        'pragma journal_mode = wal; pragma synchronous = normal; pragma wal_autocheckpoint = 0; pragma journal_size_limit = 67108864',
      );
    database.exec('pragma foreign_keys = on; pragma temp_store = memory; pragma cache_size = -8000');
  } catch (error) {
    database.close();
    throw error;
  }
  const statements = new StatementCache(database);
  const dialect = new DurableSqliteDialect(database, statements);
  const kysely = new Kysely<Database>({ dialect });
  const run: RunStatement = (sql, parameters) => {
    const statement = statements.get(sql);
    if (statement.reader) return statement.all(parameters);
    statement.run(parameters);
    return [];
  };
  runStraight(kysely, run);
  return {
    kysely,
    run,
    get inTransaction() {
      return database.isTransaction;
    },
    exec: (sql) => statements.control(sql),
    close: () => database.close(),
  };
}

/** Kysely's own dialect, with what SQLite can do better than it expects. */
class DurableSqliteDialect extends SqliteDialect {
  readonly #database: DatabaseSync;
  readonly #statements: StatementCache;

  constructor(database: DatabaseSync, statements: StatementCache) {
    super({ database: { prepare: (sql) => statements.get(sql), close: () => undefined } });
    this.#database = database;
    this.#statements = statements;
  }

  override createDriver(): SqliteDriver {
    return new ForgivingDriver(this.#database, this.#statements);
  }

  override createAdapter(): SqliteAdapter {
    return new TransactionalDdlAdapter();
  }
}

/** After some errors (disk full) SQLite has rolled back by itself; asking again would be an error of its own. */
class ForgivingDriver extends SqliteDriver {
  readonly #database: DatabaseSync;

  constructor(database: DatabaseSync, statements: StatementCache) {
    super({ database: { prepare: (sql) => statements.get(sql), close: () => undefined } });
    this.#database = database;
  }

  override async rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    if (this.#database.isTransaction) await super.rollbackTransaction(connection);
  }
}

/** Kysely runs migrations of SQLite without a transaction; with one, a start that is killed leaves no half tables. */
class TransactionalDdlAdapter extends SqliteAdapter {
  override get supportsTransactionalDdl(): boolean {
    return true;
  }
}

interface PreparedStatement {
  readonly reader: boolean;
  all(parameters: readonly unknown[]): unknown[];
  run(parameters: readonly unknown[]): { changes: number | bigint; lastInsertRowid: number | bigint };
  iterate(parameters: readonly unknown[]): IterableIterator<unknown>;
}

class StatementCache {
  readonly #database: DatabaseSync;
  readonly #prepared = new Map<string, PreparedStatement>();
  readonly #control = new Map<string, StatementSync>();

  constructor(database: DatabaseSync) {
    this.#database = database;
  }

  /** Transaction control is a handful of texts: kept for ever. */
  control(sql: string): void {
    let statement = this.#control.get(sql);
    if (statement === undefined) {
      statement = this.#database.prepare(sql);
      this.#control.set(sql, statement);
    }
    statement.run();
  }

  /** The least recently used statement leaves when there are too many. */
  get(sql: string): PreparedStatement {
    const known = this.#prepared.get(sql);
    if (known !== undefined) {
      this.#prepared.delete(sql);
      this.#prepared.set(sql, known);
      return known;
    }
    const statement = this.#database.prepare(sql);
    const prepared: PreparedStatement = {
      reader: statement.columns().length > 0,
      all: (parameters) => statement.all(...(parameters as SQLInputValue[])),
      run: (parameters) => statement.run(...(parameters as SQLInputValue[])),
      // An iteration leaves its statement half read: it gets one of its own.
      iterate: (parameters) => this.#database.prepare(sql).iterate(...(parameters as SQLInputValue[])),
    };
    this.#prepared.set(sql, prepared);
    if (this.#prepared.size > PREPARED_STATEMENTS) {
      const oldest = this.#prepared.keys().next();
      if (!oldest.done) this.#prepared.delete(oldest.value);
    }
    return prepared;
  }
}
