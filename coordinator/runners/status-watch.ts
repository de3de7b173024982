import type { Clock, Timer } from '../../protocol/clock.ts';
import type { RunnerStatus, StatusAnswer } from '../../protocol/status.ts';
import type { Logger } from '../http/log.ts';
import type { Presence } from '../presence.ts';
import type { Store } from '../store/store.ts';
import type { RunnerIndex } from './runner-index.ts';
import { statusOf } from './runner-view.ts';

interface Watched {
  status: RunnerStatus;
  since: number;
  /** When the status changes by itself if nothing more is heard; may be too early, never too late. */
  changesAt: number | null;
}

export interface StatusChange {
  readonly runnerId: string;
  readonly from: RunnerStatus;
  readonly to: RunnerStatus;
}

interface StatusWatchDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Logger;
  readonly presence: Presence;
  readonly index: RunnerIndex;
  /** A status is no longer what was last said of it. */
  changed(change: StatusChange): void;
}

/** Keeps since when each Runner has its status, and notices when time alone changes one. */
export class StatusWatch {
  readonly #deps: StatusWatchDeps;
  readonly #watched = new Map<string, Watched>();
  readonly #unsaved = new Set<string>();
  #saving: Promise<void> = Promise.resolve();
  #timer: { at: number; timer: Timer } | null = null;

  constructor(deps: StatusWatchDeps) {
    this.#deps = deps;
  }

  /** Takes up what was last announced, before the coordinator stopped. */
  load(): void {
    for (const { row } of this.#deps.index.all()) {
      this.#watched.set(row.id, { status: row.status_last as RunnerStatus, since: row.status_since, changesAt: null });
      this.look(row.id);
    }
  }

  /** The status at this instant and since when. What changed since the last look is announced. */
  look(runnerId: string): { status: StatusAnswer; statusSince: number } {
    const { clock, presence } = this.#deps;
    const now = clock.now();
    const status = statusOf(presence.ofRunner(runnerId), now);
    const before = this.#watched.get(runnerId);
    const watched: Watched = { status: status.status, since: before?.since ?? now, changesAt: status.changesAt };
    this.#watched.set(runnerId, watched);
    if (status.changesAt !== null) this.#wakeAt(status.changesAt);
    if (before === undefined || before.status === status.status) return { status, statusSince: watched.since };
    watched.since = now;
    this.#remember(runnerId);
    this.#deps.changed({ runnerId, from: before.status, to: status.status });
    return { status, statusSince: now };
  }

  forget(runnerId: string): void {
    this.#watched.delete(runnerId);
  }

  /** Writes what is not written yet. */
  async stop(): Promise<void> {
    this.#timer?.timer.cancel();
    await this.#saving;
  }

  /** One timer for all, at the earliest change. Beats only move changes away: it may find nothing, and sets itself anew. */
  #wakeAt(at: number): void {
    if (this.#timer !== null && this.#timer.at <= at) return;
    this.#timer?.timer.cancel();
    const delay = Math.max(1, at - this.#deps.clock.now());
    this.#timer = { at, timer: this.#deps.clock.after(delay, () => this.#wake()) };
  }

  #wake(): void {
    this.#timer = null;
    const now = this.#deps.clock.now();
    let next: number | null = null;
    for (const [runnerId, watched] of this.#watched) {
      if (watched.changesAt !== null && watched.changesAt <= now) this.look(runnerId);
      const { changesAt } = this.#watched.get(runnerId) ?? watched;
      if (changesAt !== null && (next === null || changesAt < next)) next = changesAt;
    }
    if (next !== null) this.#wakeAt(next);
  }

  /** Many change at once when a network fails: they share one write. */
  #remember(runnerId: string): void {
    this.#unsaved.add(runnerId);
    if (this.#unsaved.size > 1) return;
    this.#saving = this.#saving.then(() => this.#save());
  }

  async #save(): Promise<void> {
    const rows = [...this.#unsaved].flatMap((id) => {
      const watched = this.#watched.get(id);
      return watched === undefined ? [] : [{ id, status_last: watched.status, status_since: watched.since }];
    });
    this.#unsaved.clear();
    try {
      await this.#deps.store.write(async (tx) => {
        for (const { id, ...set } of rows) await tx.updateTable('runner').set(set).where('id', '=', id).execute();
      });
    } catch (error) {
      // Only "since when" after a restart depends on it: the status itself is computed anew.
      this.#deps.log.error({ err: error, runners: rows.length }, 'changes of status could not be saved');
    }
  }
}
