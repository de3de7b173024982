import type { Kysely, Transaction } from 'kysely';
import type { Database } from './schema.ts';

/** The port to state that must survive. */
export interface Store {
  /** Queries that change nothing. They see what is durable, never a write in progress. */
  readonly read: Kysely<Database>;
  /**
   * Runs `unit` in a transaction and resolves when it is durable on disk. Units are run one after the other; units that
   * wait at the same time share one commit (one fsync), each under its own savepoint: one that throws is rolled back
   * alone and rejects with its error. A unit must await nothing but queries on `tx`.
   */
  write<T>(unit: (tx: Transaction<Database>) => Promise<T>): Promise<T>;
  /** Finishes waiting writes and closes the files. */
  close(): Promise<void>;
}
