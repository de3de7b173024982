import { closeSync, openSync } from 'node:fs';
import type { Transaction } from 'kysely';
import { OutrunnerError } from '../../protocol/problems.ts';
import { StartError } from '../start-error.ts';
import { migrate } from './migrate.ts';
import { MIGRATIONS } from './migrations.ts';
import { runStraight } from './prepared-query.ts';
import type { Database } from './schema.ts';
import { openConnection, type SqliteConnection } from './sqlite-connection.ts';
import { asOpenError, asStoreError, isSqliteError } from './sqlite-errors.ts';
import type { Store } from './store.ts';
import { type CommitLog, WriteAheadLog } from './write-ahead-log.ts';

/** Units in one commit at most: what waits behind them gets its turn, and a commit stays short. */
const UNITS_PER_COMMIT = 500;

/** The write-ahead log is taken into the database after so many units: they are some thousand pages. */
const UNITS_PER_CHECKPOINT = 250;

interface Waiting {
  readonly run: (tx: Transaction<Database>) => Promise<unknown>;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

type Outcome = { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly error: unknown };

/**
 * Opens (or makes) the SQLite database at `path` and brings its tables up to date.
 * @throws StartError with one line for a person when it cannot be read, is damaged, or was made by a newer Outrunner.
 */
export async function openSqliteStore(path: string, log: CommitLog = new WriteAheadLog(path)): Promise<Store> {
  const opened: SqliteConnection[] = [];
  try {
    makePrivateFile(path);
    const writing = openConnection(path);
    opened.push(writing);
    await migrate(writing.kysely, MIGRATIONS);
    const reading = openConnection(path, { readOnly: true });
    opened.push(reading);
    return await SqliteStore.open(writing, reading, log);
  } catch (error) {
    for (const connection of opened) connection.close();
    throw asOpenError(error, path);
  }
}

/** SQLite makes its files with the rights of this one: nobody else may read hashes of passwords and tokens. */
function makePrivateFile(path: string): void {
  try {
    closeSync(openSync(path, 'a', 0o600));
  } catch (cause) {
    throw new StartError(
      'data',
      `The database ${path} cannot be opened. Check the permissions of the data folder.`,
      cause,
    );
  }
}

class SqliteStore implements Store {
  readonly #writing: SqliteConnection;
  readonly #reading: SqliteConnection;
  readonly #log: CommitLog;
  readonly #waiting: Waiting[] = [];
  #unitsInLog = 0;
  /** Why nothing can be made durable any more. */
  #broken: unknown = null;
  #working: Promise<void> | null = null;
  #closed = false;

  private constructor(writing: SqliteConnection, reading: SqliteConnection, log: CommitLog) {
    this.#writing = writing;
    this.#reading = reading;
    this.#log = log;
  }

  static async open(writing: SqliteConnection, reading: SqliteConnection, log: CommitLog): Promise<SqliteStore> {
    // What a crash or a migration left in the log is shown to readers from here on.
    writing.exec('pragma wal_checkpoint(passive)');
    await log.sync(false);
    return new SqliteStore(writing, reading, log);
  }

  get read() {
    return this.#reading.kysely;
  }

  write<T>(unit: (tx: Transaction<Database>) => Promise<T>): Promise<T> {
    if (this.#closed) return Promise.reject(new OutrunnerError('shutting-down', { detail: 'The store is closed.' }));
    return new Promise<T>((resolve, reject) => {
      this.#waiting.push({ run: unit, resolve: resolve as (value: unknown) => void, reject });
      this.#working ??= this.#work();
    });
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#working;
    await this.#log.close();
    // SQLite takes the log into the database when it is closed, and must not when nobody knows what is in the log: the next
    // start reads it again and believes what its checksums prove.
    if (this.#broken !== null) return;
    this.#reading.close();
    this.#writing.close();
  }

  async #work(): Promise<void> {
    while (this.#waiting.length > 0) {
      // Everything that this turn of the event loop brings in shares the commit: many sockets, one fsync.
      await new Promise((resolve) => setImmediate(resolve));
      await this.#commitGroup(this.#waiting.splice(0, UNITS_PER_COMMIT));
    }
    this.#working = null;
  }

  /** Runs the units under one transaction. Nobody sees it, or hears of an outcome, before the commit is on disk. */
  async #commitGroup(units: readonly Waiting[]): Promise<void> {
    let outcomes: readonly Outcome[];
    try {
      if (this.#broken !== null) throw this.#broken;
      const endReading = this.#holdReaders();
      try {
        outcomes = await this.#runUnits(units);
        await this.#makeDurable(units.length === 1 && this.#waiting.length === 0);
      } finally {
        // What may be lost again is never shown.
        if (this.#broken === null) endReading();
      }
      this.#checkpoint(units.length);
    } catch (error) {
      const problem = asStoreError(error);
      for (const unit of units) unit.reject(problem);
      return;
    }
    for (const [index, outcome] of outcomes.entries()) {
      if (outcome.ok) units[index]?.resolve(outcome.value);
      else units[index]?.reject(outcome.error);
    }
  }

  async #runUnits(units: readonly Waiting[]): Promise<Outcome[]> {
    const outcomes: Outcome[] = [];
    const tx = await this.#writing.kysely.startTransaction().execute();
    runStraight(tx, this.#writing.run);
    try {
      for (const unit of units) outcomes.push(await this.#runUnit(unit, tx));
      await tx.commit().execute();
      return outcomes;
    } catch (error) {
      await tx.rollback().execute();
      throw error;
    }
  }

  /** Keeps readers at what is there now until the returned function is called: a commit is visible before it is durable. */
  #holdReaders(): () => void {
    this.#reading.exec('begin');
    this.#reading.exec('select 1 from meta');
    return () => this.#reading.exec('commit');
  }

  /** Waits for the disk while the event loop goes on, and the next units gather. */
  async #makeDurable(alone: boolean): Promise<void> {
    try {
      await this.#log.sync(alone);
    } catch (cause) {
      // What is in the log beyond what was flushed before is anybody's guess, and everything that comes would stand behind
      // it: nothing can be promised any more until the next start has read the log again.
      const code = cause instanceof Error && 'code' in cause ? String(cause.code) : String(cause);
      const detail = `The database cannot be made durable (${code}). The coordinator has to be started again.`;
      this.#broken = new OutrunnerError('internal', { detail, cause });
      throw this.#broken;
    }
  }

  /** Nobody reads at this moment: all of the log can be taken over, and is written from its start again. */
  #checkpoint(units: number): void {
    this.#unitsInLog += units;
    if (this.#unitsInLog < UNITS_PER_CHECKPOINT) return;
    this.#unitsInLog = 0;
    this.#writing.exec('pragma wal_checkpoint(passive)');
  }

  async #runUnit(unit: Waiting, tx: Transaction<Database>): Promise<Outcome> {
    this.#writing.exec('savepoint unit');
    try {
      const value = await unit.run(tx);
      this.#writing.exec('release unit');
      return { ok: true, value };
    } catch (error) {
      // After a full disk SQLite may have rolled back everything, the units before this one too: the group fails as one.
      if (!this.#writing.inTransaction) throw error;
      this.#writing.exec('rollback to unit');
      this.#writing.exec('release unit');
      return { ok: false, error: isSqliteError(error) ? asStoreError(error) : error };
    }
  }
}
