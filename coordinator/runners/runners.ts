import type { Runner } from '../../protocol/api/runners.ts';
import type { Clock } from '../../protocol/clock.ts';
import type { Logger } from '../http/log.ts';
import type { Live } from '../live/live.ts';
import type { Presence, WorkSignal } from '../presence.ts';
import type { Store } from '../store/store.ts';
import { Announcer } from './announcer.ts';
import type { ChangeDeps } from './change-runners.ts';
import { announceCheckIns } from './check-ins.ts';
import type { EnrolmentTokens } from './enrolments.ts';
import { ModeWatch } from './mode-watch.ts';
import { type NewRefusal, recordRefusal } from './record-refusal.ts';
import { RunnerIndex } from './runner-index.ts';
import { runnerView } from './runner-view.ts';
import { SilentReplicas } from './silent-replicas.ts';
import { StatusWatch } from './status-watch.ts';

export interface RunnersDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Logger;
  readonly live: Live;
  readonly presence: Presence;
  readonly tokens: EnrolmentTokens;
  readonly signal: WorkSignal;
}

/** The Runners of a coordinator: what is known of them, kept up to date and announced. */
export class Runners {
  readonly index: RunnerIndex;
  readonly change: ChangeDeps;
  readonly #deps: RunnersDeps;
  readonly #statuses: StatusWatch;
  readonly #modes: ModeWatch;
  readonly #silent: SilentReplicas;
  readonly #announcer: Announcer;
  /** Which sessions each Runner had when its record was last read: a new one brings new facts of its host. */
  readonly #sessions = new Map<string, string>();
  #unsubscribe: (() => void) | null = null;
  readonly #stopCheckIns: () => void;

  constructor(deps: RunnersDeps) {
    this.#deps = deps;
    this.index = new RunnerIndex(deps.store);
    this.change = { ...deps, written: (runnerId, action) => this.written(runnerId, action) };
    const watching = { ...deps, index: this.index };
    this.#announcer = new Announcer(deps.clock, (runnerId) => this.#publish(runnerId, 'updated'));
    this.#statuses = new StatusWatch({
      ...watching,
      changed: ({ runnerId, from, to }) => {
        deps.log.info({ runner: runnerId, name: this.index.get(runnerId)?.row.name, from, to }, 'status changed');
        this.#announcer.touch(runnerId);
        deps.signal.poke();
      },
    });
    this.#modes = new ModeWatch({ ...watching, written: (runnerId) => this.written(runnerId, 'updated') });
    const runnerIds = () => [...this.index.all()].map(({ row }) => row.id);
    this.#stopCheckIns = announceCheckIns({ ...deps, runnerIds });
    this.#silent = new SilentReplicas({ ...watching, written: (runnerId) => this.written(runnerId, 'updated') });
  }

  /** Reads what the tables know and begins to watch. After the presence of replicas is loaded. */
  async start(): Promise<void> {
    await this.index.load();
    for (const { row } of this.index.all()) this.#sessions.set(row.id, this.#sessionsOf(row.id));
    this.#statuses.load();
    this.#modes.load();
    this.#unsubscribe = this.#deps.presence.onChange((runnerId) => this.#presenceChanged(runnerId));
  }

  /** A Runner as the API shows it now. @throws OutrunnerError `not-found`. */
  view(runnerId: string): Runner {
    const record = this.index.need(runnerId);
    const now = this.#deps.clock.now();
    const presences = this.#deps.presence.ofRunner(runnerId);
    return runnerView(record, { ...this.#statuses.look(runnerId), presences, now });
  }

  /** The status alone, for lists. */
  status(runnerId: string) {
    return this.#statuses.look(runnerId).status;
  }

  /** Something in the tables about a Runner was written: reads it again and tells the consoles. */
  async written(runnerId: string, action: 'created' | 'updated' | 'deleted'): Promise<void> {
    await this.index.refresh(runnerId);
    if (this.index.get(runnerId) === null) {
      this.#statuses.forget(runnerId);
      this.#modes.forget(runnerId);
      this.#announcer.forget(runnerId);
      this.#sessions.delete(runnerId);
      if (action === 'deleted') this.#deps.live.publish({ topic: 'runner', action, id: runnerId });
      return;
    }
    this.#statuses.look(runnerId);
    this.#modes.look(runnerId);
    if (action === 'created') this.#publish(runnerId, action);
    else this.#announcer.touch(runnerId);
  }

  /** These Runners lost an assignment: their project is gone. */
  async assignmentsGone(runnerIds: readonly string[]): Promise<void> {
    await this.index.refresh(...runnerIds);
    for (const id of runnerIds) this.#announcer.touch(id);
    this.#deps.signal.poke();
  }

  /** Work of the Runner is over: if it drains, it may rest now. */
  workEnded(runnerId: string): void {
    this.#modes.look(runnerId);
  }

  /** Keeps why an agent was turned away, and shows it. */
  async recordRefusal(refusal: NewRefusal): Promise<void> {
    await recordRefusal(this.#deps, refusal);
    if (refusal.runnerId !== null && this.index.get(refusal.runnerId) !== null) {
      await this.written(refusal.runnerId, 'updated');
    }
  }

  async stop(): Promise<void> {
    this.#unsubscribe?.();
    this.#stopCheckIns();
    this.#announcer.stop();
    this.#silent.stop();
    await this.#modes.stop();
    await this.#statuses.stop();
  }

  #presenceChanged(runnerId: string): void {
    if (this.index.get(runnerId) === null) return;
    const sessions = this.#sessionsOf(runnerId);
    if (sessions !== this.#sessions.get(runnerId)) {
      this.#sessions.set(runnerId, sessions);
      this.written(runnerId, 'updated').catch((error: unknown) =>
        this.#deps.log.error({ err: error, runner: runnerId }, 'a Runner could not be read again'),
      );
      return;
    }
    this.#statuses.look(runnerId);
    this.#modes.look(runnerId);
    this.#announcer.touch(runnerId);
  }

  #sessionsOf(runnerId: string): string {
    const presences = this.#deps.presence.ofRunner(runnerId);
    return presences.map((one) => `${one.replicaId} ${one.connectedSince} ${one.duplicateSeenAt}`).join('\n');
  }

  #publish(runnerId: string, action: 'created' | 'updated'): void {
    if (!this.#deps.live.heard || this.index.get(runnerId) === null) return;
    this.#deps.live.publish({ topic: 'runner', action, id: runnerId, runner: this.view(runnerId) });
  }
}
