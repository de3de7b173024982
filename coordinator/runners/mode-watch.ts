import type { Clock, Timer } from '../../protocol/clock.ts';
import type { Logger } from '../http/log.ts';
import type { Presence, WorkSignal } from '../presence.ts';
import type { Store } from '../store/store.ts';
import type { RunnerIndex } from './runner-index.ts';

interface ModeWatchDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Logger;
  readonly presence: Presence;
  readonly signal: WorkSignal;
  readonly index: RunnerIndex;
  written(runnerId: string): Promise<void>;
}

/** How long to wait after a change of mode could not be written, in milliseconds. */
const RETRY_MS = 5000;

/** Ends a pause at its time, and turns draining into paused when the Runner is idle. */
export class ModeWatch {
  readonly #deps: ModeWatchDeps;
  readonly #timers = new Map<string, Timer>();
  readonly #underWay = new Set<Promise<void>>();

  constructor(deps: ModeWatchDeps) {
    this.#deps = deps;
  }

  load(): void {
    for (const { row } of this.#deps.index.all()) if (row.mode !== 'active') this.look(row.id);
  }

  /** Call when the mode, or anything of the presence, of a Runner changed. */
  look(runnerId: string): void {
    this.#timers.get(runnerId)?.cancel();
    this.#timers.delete(runnerId);
    const row = this.#deps.index.get(runnerId)?.row;
    if (row === undefined || row.mode === 'active') return;
    const now = this.#deps.clock.now();
    if (row.mode_until !== null && row.mode_until <= now) {
      this.#start(runnerId, this.#resume(runnerId, row.mode_until));
      return;
    }
    if (row.mode_until !== null) this.#lookAfter(runnerId, row.mode_until - now);
    if (row.mode === 'draining' && this.#seemsIdle(runnerId)) this.#start(runnerId, this.#rest(runnerId));
  }

  forget(runnerId: string): void {
    this.#timers.get(runnerId)?.cancel();
    this.#timers.delete(runnerId);
  }

  async stop(): Promise<void> {
    for (const timer of this.#timers.values()) timer.cancel();
    this.#timers.clear();
    await Promise.all(this.#underWay);
  }

  #lookAfter(runnerId: string, ms: number): void {
    this.#timers.set(
      runnerId,
      this.#deps.clock.after(ms, () => this.look(runnerId)),
    );
  }

  #start(runnerId: string, work: Promise<void>): void {
    const settled = work
      .catch((error: unknown) => {
        this.#deps.log.error(
          { err: error, runner: runnerId },
          'the mode of a Runner could not be changed; trying again',
        );
        this.#lookAfter(runnerId, RETRY_MS);
      })
      .finally(() => this.#underWay.delete(settled));
    this.#underWay.add(settled);
  }

  #seemsIdle(runnerId: string): boolean {
    return this.#deps.presence.ofRunner(runnerId).every((one) => one.running + one.queued + one.reserved === 0);
  }

  async #resume(runnerId: string, until: number): Promise<void> {
    const { store, clock, signal } = this.#deps;
    const none = { mode_reason: null, mode_by: null, mode_until: null, mode_since: null };
    await store.write((tx) =>
      tx
        .updateTable('runner')
        .set({ mode: 'active', ...none, updated_at: clock.now() })
        .where('id', '=', runnerId)
        // Somebody may have prolonged it meanwhile.
        .where('mode_until', '=', until)
        .execute(),
    );
    await this.#deps.written(runnerId);
    signal.poke();
  }

  /** The tables have the last word on whether work is left: an agent that is away may still run some. */
  async #rest(runnerId: string): Promise<void> {
    const { store, clock } = this.#deps;
    const rests = await store.write(async (tx) => {
      const work = await tx
        .selectFrom('execution')
        .select('id')
        .where('runner_id', '=', runnerId)
        .where('state', 'in', ['queued', 'running', 'stopping'])
        .limit(1)
        .executeTakeFirst();
      if (work !== undefined) return false;
      await tx
        .updateTable('runner')
        .set({ mode: 'paused', updated_at: clock.now() })
        .where('id', '=', runnerId)
        .where('mode', '=', 'draining')
        .execute();
      return true;
    });
    if (rests) await this.#deps.written(runnerId);
  }
}
