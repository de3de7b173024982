import { sql } from 'kysely';
import type { ToldTrust } from '../../protocol/trust.ts';
import type { Logger } from '../http/log.ts';
import type { Store } from '../store/store.ts';

/** Rows in one update: four parameters each, and the write of others is never held up for long. */
const ROWS_PER_UPDATE = 500;

interface Noted {
  readonly key: string;
  readonly serial: number;
  readonly problem: string | null;
}

/** What agents said they believe, on its way to the table: after a rotation thousands say it at once, and share a few writes. */
export class NotedTrust {
  readonly #store: Store;
  readonly #log: Logger;
  #waiting = new Map<string, Noted>();
  #writing: Promise<void> = Promise.resolve();

  constructor(store: Store, log: Logger) {
    this.#store = store;
    this.#log = log;
  }

  add(replicaId: string, told: ToldTrust, problem: string | null): void {
    this.#waiting.set(replicaId, { key: told.keys[0] ?? '', serial: told.serial, problem });
  }

  /** What it said before counts no more: its hello, which is written by itself, was later. */
  forget(replicaId: string): void {
    this.#waiting.delete(replicaId);
  }

  /** Writes all that came. What cannot be written is lost: each agent says it again when it connects. */
  save(): Promise<void> {
    const rows = [...this.#waiting];
    this.#waiting = new Map();
    for (let i = 0; i < rows.length; i += ROWS_PER_UPDATE) {
      const some = rows.slice(i, i + ROWS_PER_UPDATE);
      this.#writing = this.#writing.then(() => this.#write(some));
    }
    return this.#writing;
  }

  async #write(rows: readonly (readonly [string, Noted])[]): Promise<void> {
    try {
      await this.#store.write((tx) => {
        const values = rows.map(([id, { key, serial, problem }]) => sql`(${id}, ${key}, ${serial}, ${problem})`);
        return sql`
          with noted(id, key, serial, problem) as (values ${sql.join(values)})
          update replica set believed_key = noted.key, trust_serial = noted.serial, trust_problem = noted.problem
          from noted where replica.id = noted.id
        `.execute(tx);
      });
    } catch (error) {
      this.#log.error({ err: error, replicas: rows.length }, 'what agents believe could not be saved');
    }
  }
}
