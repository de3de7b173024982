import type { Trust as TrustAnswer } from '../../protocol/api/trust.ts';
import type { Clock } from '../../protocol/clock.ts';
import { OutrunnerError } from '../../protocol/problems.ts';
import type { ToldTrust } from '../../protocol/trust.ts';
import type { ToAgent } from '../../protocol/wire.ts';
import type { RunnerLink } from '../gateway/runner-link.ts';
import { spreadMs } from '../gateway/spread.ts';
import type { TrustIntake } from '../gateway/trust-book.ts';
import type { Logger } from '../http/log.ts';
import type { Live } from '../live/live.ts';
import type { ReplicaPresence } from '../presence.ts';
import type { RunnerIndex } from '../runners/runner-index.ts';
import type { Store } from '../store/store.ts';
import type { AnnouncedTrust } from './announced-trust.ts';
import { NotedTrust } from './noted-trust.ts';
import { trustView } from './trust-view.ts';
import { needsOldKey } from './who-is-behind.ts';

/** What agents say is gathered for so long: after a rotation all of them speak at once. */
const GATHER_MS = 500;
/** How long connected agents get to move to the newest key before the old one is destroyed. */
const MOVE_WITHIN_MS = 5_000;
/** A statement is made anew at most this often because an agent holds a later one: an agent can say what it likes. */
const CATCH_UP_MS = 600_000;

export interface TrustDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Logger;
  readonly live: Live;
  readonly link: RunnerLink;
  readonly index: RunnerIndex;
  readonly announced: AnnouncedTrust;
  /** Aborts when the coordinator begins to stop: nobody is waited for any more. */
  readonly stopping: AbortSignal;
}

/** Replaces the coordinator's key, tells the agents, and knows which of them are behind. */
export class Trust implements TrustIntake {
  readonly #deps: TrustDeps;
  readonly #noted: NotedTrust;
  /** One change after the other. */
  #changing: Promise<unknown> = Promise.resolve();
  /** Agents that a retirement waits for, and what to do when the last of them has moved. */
  #moving: { readonly left: Set<string>; readonly done: () => void } | null = null;
  /** What stands in the log of each agent that does not use what was announced: it may say so again and again. */
  readonly #logged = new Map<string, string>();
  #gathering = false;
  #stopped = false;
  #caughtUpAt = Number.NEGATIVE_INFINITY;

  constructor(deps: TrustDeps) {
    this.#deps = deps;
    this.#noted = new NotedTrust(deps.store, deps.log);
  }

  /** Before connections are let in. */
  start(): void {
    const { link, log, announced } = this.#deps;
    link.handleTrust(this);
    const { previousKey, publicKey } = announced;
    if (previousKey !== null)
      log.info({ key: publicKey, previous: previousKey }, 'an old key is waiting to be retired');
  }

  /** After the gateway has stopped. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#changing;
    await this.#noted.save();
  }

  view(): TrustAnswer {
    const { announced, index, link } = this.#deps;
    return trustView(announced, index, link);
  }

  /** Makes a new key and tells the agents of it. @throws OutrunnerError `key-rotation-open`. */
  rotate(by: string): Promise<TrustAnswer> {
    return this.#oneByOne(async () => {
      const { announced, log } = this.#deps;
      if (announced.previousKey !== null) throw new OutrunnerError('key-rotation-open');
      try {
        await announced.rotate();
      } finally {
        // Also when only a part of it could be written.
        if (announced.previousKey !== null) this.#tell();
      }
      log.info({ key: announced.publicKey, previous: announced.previousKey, by }, 'the signing key was rotated');
      return this.view();
    });
  }

  /**
   * Destroys the key before the newest. Connected agents that have not moved are told once more; those that do not answer
   * in time are made to connect again, and learn the newest key then.
   * @throws OutrunnerError `key-single`; `key-needed` unless `leaveBehind`.
   */
  retire(leaveBehind: boolean, by: string): Promise<TrustAnswer> {
    return this.#oneByOne(async () => {
      const { announced, log, link } = this.#deps;
      const old = announced.previousKey;
      if (old === null) throw new OutrunnerError('key-single');
      if (!leaveBehind) this.#assertNotNeeded();
      await this.#move();
      // Others may have come while it was waited.
      if (!leaveBehind) this.#assertNotNeeded();
      const retired = announced.retire();
      // In the same turn: nothing is given any more to who would not believe it.
      link.keysChanged();
      for (const id of this.#notMoved()) link.reconnect(id);
      await retired;
      log.info({ key: announced.publicKey, retired: old, by }, 'the old signing key was destroyed');
      this.#tell();
      return this.view();
    });
  }

  connected(replicaId: string, told: ToldTrust | null): void {
    const { announced } = this.#deps;
    this.#noted.forget(replicaId);
    this.#soon();
    if (told === null) return;
    if (!announced.isOnTheWay(told.keys[0] ?? '')) {
      this.#warn(replicaId, 'It believes a newer key than is here: was an old copy of the data folder restored?');
    }
    if (announced.isBehind(told)) this.#catchUp(told.serial);
  }

  replicasChanged(): void {
    this.#soon();
  }

  noted(replicaId: string, told: ToldTrust, problem: string | null): void {
    const { announced } = this.#deps;
    if (problem === null) this.#logged.delete(replicaId);
    else this.#warn(replicaId, problem);
    this.#noted.add(replicaId, told, problem);
    this.#soon();
    if (this.#moving === null || told.keys[0] !== announced.publicKey) return;
    this.#moving.left.delete(replicaId);
    if (this.#moving.left.size === 0) this.#moving.done();
  }

  #warn(replicaId: string, problem: string): void {
    if (this.#logged.get(replicaId) === problem) return;
    this.#logged.set(replicaId, problem);
    this.#deps.log.warn({ replica: replicaId, problem }, 'an agent does not use what is announced');
  }

  #assertNotNeeded(): void {
    const { announced, link } = this.#deps;
    const needing = [...link.replicas()].filter((one) => needsOldKey(announced, one)).length;
    if (needing === 0) return;
    const detail = `${needing} ${needing === 1 ? 'replica knows' : 'replicas know'} the old key alone, and cannot learn the new one.`;
    throw new OutrunnerError('key-needed', { detail });
  }

  /** Resolves when all connected agents that can have moved to the newest key, or when their time is over. */
  async #move(): Promise<void> {
    const left = new Set(this.#notMoved());
    if (left.size === 0 || this.#deps.stopping.aborted) return;
    const { clock, link, stopping } = this.#deps;
    await new Promise<void>((resolve) => {
      const late = clock.after(MOVE_WITHIN_MS, () => done());
      const done = () => {
        late.cancel();
        stopping.removeEventListener('abort', done);
        resolve();
      };
      stopping.addEventListener('abort', done);
      this.#moving = { left, done };
      link.sendAll(left, this.#announcement());
    });
    this.#moving = null;
  }

  /** Connected agents that follow links and do not believe the newest key yet. */
  #notMoved(): string[] {
    const { announced } = this.#deps;
    return this.#listening()
      .filter(({ believedKey }) => believedKey !== announced.publicKey && announced.isOnTheWay(believedKey))
      .map(({ replicaId }) => replicaId);
  }

  #listening(): ReplicaPresence[] {
    return [...this.#deps.link.replicas()].filter((one) => one.connected && one.trustSerial !== null);
  }

  #tell(): void {
    const ids = this.#listening().map(({ replicaId }) => replicaId);
    this.#deps.link.sendAll(ids, this.#announcement());
    this.#soon();
  }

  #announcement(): ToAgent {
    const { link, announced } = this.#deps;
    return { type: 'trust', ...announced.announcement, spreadMs: spreadMs([...link.replicas()].length) };
  }

  /** An agent holds a later statement than this coordinator: a newer one is made, so that agents take note of it. */
  #catchUp(serial: number): void {
    const { clock, announced, log } = this.#deps;
    const now = clock.monotonic();
    if (now - this.#caughtUpAt < CATCH_UP_MS) return;
    this.#caughtUpAt = now;
    void this.#oneByOne(async () => {
      if (serial <= announced.serial) return;
      log.warn({ serial }, 'an agent holds a later statement than ours: what holds is announced anew');
      await announced.renew(serial);
      this.#tell();
    });
  }

  /** Writes and announces what agents said lately, once. */
  #soon(): void {
    if (this.#gathering || this.#stopped) return;
    this.#gathering = true;
    this.#deps.clock.after(GATHER_MS, () => {
      this.#gathering = false;
      if (this.#stopped) return;
      void this.#noted.save();
      this.#deps.live.publish({ topic: 'trust', action: 'updated', id: 'trust' });
    });
  }

  #oneByOne<T>(change: () => Promise<T>): Promise<T> {
    const result = this.#changing.then(change);
    this.#changing = result.catch(() => undefined);
    return result;
  }
}
