import { sql } from 'kysely';
import type { Logger } from 'pino';
import type { Clock, Timer } from '../../protocol/clock.ts';
import type { Store } from '../store/store.ts';
import { ReplicaState } from './replica-state.ts';

const SAVE_MS = 5_000;
/** Rows in one update: two parameters each, and the write of others is never held up for long. */
const ROWS_PER_UPDATE = 500;
const ANNOUNCE_MS = 250;
/** Runners announced in one round only because they were heard of again: big fleets must not drown their watchers. */
const BEATS_PER_ROUND = 50;

/** All replicas that are not retired, in memory; written to the table in batches, never once per heartbeat. */
export class PresenceTable {
  readonly #store: Store;
  readonly #log: Logger;
  readonly #replicas = new Map<string, ReplicaState>();
  readonly #ofRunner = new Map<string, ReplicaState[]>();
  readonly #listeners = new Set<(runnerId: string) => void>();
  readonly #changed = new Set<string>();
  readonly #heard = new Set<string>();
  readonly #timers: Timer[];
  #saving: Promise<void> = Promise.resolve();

  constructor(deps: { store: Store; clock: Clock; log: Logger }) {
    this.#store = deps.store;
    this.#log = deps.log;
    this.#timers = [
      deps.clock.every(SAVE_MS, () => void this.save()),
      deps.clock.every(ANNOUNCE_MS, () => this.#announce()),
    ];
  }

  /** Reads what the tables know; call once, before connections are let in. `firstKey`: believed by those of whom nothing was noted. */
  async load(firstKey: string): Promise<void> {
    // One text for each key, not one for each replica.
    const keys = new Map<string, string>();
    const rows = await this.#store.read
      .selectFrom('replica')
      .innerJoin('runner', 'runner.id', 'replica.runner_id')
      .select(['replica.id', 'replica.runner_id', 'replica.last_seen', 'replica.said_goodbye', 'replica.maximum'])
      .select(['replica.address', 'replica.started_at', 'replica.duplicate_seen_at', 'runner.max_operations'])
      .select(['replica.believed_key', 'replica.trust_serial', 'replica.trust_problem'])
      .where('replica.revoked_at', 'is', null)
      .execute();
    for (const row of rows) {
      const key = row.believed_key ?? firstKey;
      if (!keys.has(key)) keys.set(key, key);
      const state = new ReplicaState(row.id, row.runner_id, keys.get(key) ?? key, row.maximum, row.max_operations);
      state.trustSerial = row.trust_serial;
      state.trustProblem = row.trust_problem;
      state.lastSeen = row.last_seen;
      state.saidGoodbye = row.said_goodbye === 1;
      state.address = row.address;
      state.startedAt = row.started_at;
      state.duplicateSeenAt = row.duplicate_seen_at;
      this.add(state);
    }
  }

  get(replicaId: string): ReplicaState | undefined {
    return this.#replicas.get(replicaId);
  }

  get size(): number {
    return this.#replicas.size;
  }

  all(): IterableIterator<ReplicaState> {
    return this.#replicas.values();
  }

  ofRunner(runnerId: string): readonly ReplicaState[] {
    return this.#ofRunner.get(runnerId) ?? [];
  }

  add(state: ReplicaState): void {
    if (this.#replicas.has(state.replicaId)) return;
    this.#replicas.set(state.replicaId, state);
    const siblings = this.#ofRunner.get(state.runnerId);
    if (siblings === undefined) this.#ofRunner.set(state.runnerId, [state]);
    else siblings.push(state);
    this.changed(state);
  }

  remove(state: ReplicaState): void {
    this.#replicas.delete(state.replicaId);
    const left = this.ofRunner(state.runnerId).filter((one) => one !== state);
    if (left.length === 0) this.#ofRunner.delete(state.runnerId);
    else this.#ofRunner.set(state.runnerId, left);
    this.changed(state);
  }

  /** Something about it changed that people see. */
  changed(state: ReplicaState): void {
    this.#changed.add(state.runnerId);
  }

  /** It was heard of, nothing else. */
  heard(state: ReplicaState, now: number): void {
    state.lastSeen = now;
    state.unsaved = true;
    this.#heard.add(state.runnerId);
  }

  onChange(listener: (runnerId: string) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Writes when replicas were last heard of. */
  save(): Promise<void> {
    const dirty = [...this.#replicas.values()].filter((state) => state.unsaved);
    for (const state of dirty) state.unsaved = false;
    this.#saving = this.#saving.then(async () => {
      for (let i = 0; i < dirty.length; i += ROWS_PER_UPDATE) {
        const rows = dirty.slice(i, i + ROWS_PER_UPDATE);
        try {
          await this.#store.write((tx) => {
            const values = rows.map((state) => sql`(${state.replicaId}, ${state.lastSeen})`);
            return sql`
              with heard(id, at) as (values ${sql.join(values)})
              update replica set last_seen = heard.at from heard where replica.id = heard.id
            `.execute(tx);
          });
        } catch (error) {
          for (const state of rows) state.unsaved = true;
          this.#log.error({ err: error, replicas: rows.length }, 'the last check-ins could not be saved; trying again');
        }
      }
    });
    return this.#saving;
  }

  async stop(): Promise<void> {
    for (const timer of this.#timers) timer.cancel();
    await this.save();
    this.#announce();
  }

  #announce(): void {
    const runners = [...this.#changed];
    this.#changed.clear();
    for (const runnerId of runners) this.#heard.delete(runnerId);
    let beats = 0;
    for (const runnerId of this.#heard) {
      if (beats++ === BEATS_PER_ROUND) break;
      this.#heard.delete(runnerId);
      runners.push(runnerId);
    }
    for (const runnerId of runners) {
      for (const listener of this.#listeners) {
        try {
          listener(runnerId);
        } catch (error) {
          this.#log.error({ err: error, runner: runnerId }, 'a listener of presence failed');
        }
      }
    }
  }
}
