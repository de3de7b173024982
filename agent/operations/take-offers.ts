import type { Clock } from '../../protocol/clock.ts';
import type { Identity } from '../../protocol/enrolment.ts';
import type { Operation } from '../../protocol/operation.ts';
import type { FromAgent, HeldOperation as HeldFacts } from '../../protocol/wire.ts';
import { isFullDisk, systemCode } from '../agent-exit.ts';
import type { Log } from '../log.ts';
import { AcceptedStore, type Slot } from './accepted-store.ts';
import { checkOffer, type Refusal } from './check-offer.ts';
import { type HeldOperation, operationKey } from './held-operation.ts';
import { operationPlace } from './operation-place.ts';
import type { StopOrder } from './run-operation.ts';
import { Spool, type SpoolOptions } from './spool.ts';

/** Waiting operations above which offers are refused; the coordinator stops at the credit, long before this. */
const LONGEST_QUEUE = 10_000;

export interface OfferDeps {
  readonly clock: Clock;
  readonly log: Log;
  readonly identity: Identity;
  /** Whether a key that is believed now has signed this. */
  readonly isSigned: (text: string, signature: string) => boolean;
  /** Folder of the operations; exists. */
  readonly root: string;
  /** No new work is taken: the reason, or null. */
  readonly diskProblem: () => string | null;
  /** The disk refused a write. */
  readonly onDiskTrouble: (code: string) => void;
  /** Says something to the coordinator, if there is a connection. */
  readonly say: (message: FromAgent) => void;
  readonly spoolOptions: (key: string) => SpoolOptions;
}

/** What the desk needs to know of the operations that are here already. */
export interface OfferTable {
  readonly running: number;
  readonly queued: number;
  readonly maximum: number;
  /** Why nothing new is taken; null: it is. */
  readonly notTaking: string | null;
  /** This attempt is here, or was here and is done with. */
  isKnown(key: string): boolean;
  /** The latest attempt of an operation that is here. */
  latest(operation: string): HeldOperation | undefined;
  /** Deletes an attempt that must not run any more. */
  giveUp(held: HeldOperation): void;
  /** An accepted operation: it is written down, and is run when its turn comes. */
  takeUp(held: HeldOperation): void;
}

/**
 * Where offered operations arrive: each is answered with "accepted" or with the reason why not. "Accepted" is said only
 * after the operation would survive a power cut, and never leads to a second run of the same attempt.
 */
export class OfferDesk {
  readonly #deps: OfferDeps;
  readonly #table: OfferTable;
  readonly #store: AcceptedStore;
  /** Being written down: they count as load, and a cancel must find them. */
  readonly #pending = new Map<string, { readonly facts: HeldFacts; stopOrder: StopOrder | null }>();
  #order = 0;
  #lastTurn: Promise<void> = Promise.resolve();

  constructor(deps: OfferDeps, table: OfferTable) {
    this.#deps = deps;
    this.#table = table;
    this.#store = new AcceptedStore(deps.root, deps.clock);
  }

  /** Operations that are being written down. */
  get pending(): number {
    return this.#pending.size;
  }

  /**
   * What a new session must hear of them. Unnamed they would look like never taken: the coordinator would give them to
   * another replica while a slow disk makes this one's copy durable, and both would run.
   */
  pendingFacts(): HeldFacts[] {
    return [...this.#pending.values()].map(({ facts }) => facts);
  }

  /** Answers an offer. `coordinatorNow`: the time by the coordinator's clock. */
  offer(payload: string, signature: string, coordinatorNow: number): void {
    const { identity, isSigned, log, say } = this.#deps;
    const checked = checkOffer(payload, signature, {
      isSigned,
      runner: identity.runner.id,
      replica: identity.replica,
      coordinatorNow,
    });
    if (checked.kind === 'unreadable') {
      log.warn('An operation was offered that cannot be read.', { detail: checked.detail.slice(0, 300) });
      say({ type: 'error', detail: `The operation cannot be read: ${checked.detail}`.slice(0, 2000) });
      return;
    }
    const { operation, attempt } = checked.kind === 'sound' ? checked.operation : checked;
    const key = operationKey(operation, attempt);
    const isGenuine = checked.kind === 'sound' || checked.refusal.code !== 'operation-signature';
    // What is held already was judged when it came: the same offer again only wants to hear the answer again.
    if (isGenuine && this.#table.isKnown(key)) say({ type: 'accepted', operation, attempt });
    else if (isGenuine && this.#pending.has(key)) return;
    else {
      const refusal = checked.kind === 'refused' ? checked.refusal : this.#reasonAgainst(checked.operation);
      if (refusal !== null) this.#refuse(operation, attempt, refusal);
      else if (checked.kind === 'sound') void this.#accept(checked.operation, key, payload, signature);
    }
  }

  /** Nothing more is accepted. */
  close(): void {
    this.#store.close();
  }

  /** Makes it certain that an operation which never started will not be run here. */
  markReturned(held: HeldOperation): Promise<void> {
    return this.#store.markReturned(held.slot);
  }

  /** Tells of a slot that an earlier process left. */
  found(slot: Slot): void {
    this.#store.found(slot);
  }

  /** Forgets what was accepted; the open file of its slot comes with it, if there is one. */
  free(held: HeldOperation, descriptor: number | null): Promise<void> {
    return this.#store.free(held.slot, descriptor);
  }

  /** Notes that an operation which is being written down is to be stopped; false when there is no such. */
  cancelPending(key: string, order: StopOrder): boolean {
    const pending = this.#pending.get(key);
    if (pending === undefined) return false;
    pending.stopOrder = order;
    return true;
  }

  #reasonAgainst(operation: Operation): Refusal | null {
    const table = this.#table;
    if (table.notTaking !== null) return { code: 'shutting-down', detail: table.notTaking };
    const disk = this.#deps.diskProblem();
    if (disk !== null) return { code: 'agent-disk-full', detail: disk };
    if (table.queued + this.#pending.size >= LONGEST_QUEUE) {
      return { code: 'agent-at-capacity', detail: `${LONGEST_QUEUE} operations are waiting here already.` };
    }
    const other = table.latest(operation.operation);
    if (other === undefined) return null;
    const { attempt } = other.operation;
    if (operation.attempt < attempt) return { code: 'conflict', detail: `Attempt ${attempt} is here, which is newer.` };
    if (other.phase === 'running') return { code: 'conflict', detail: `Attempt ${attempt} is still running here.` };
    // A new attempt is made only when the coordinator has given up the old one: what waits of it must never run.
    if (other.phase === 'queued') table.giveUp(other);
    return null;
  }

  async #accept(operation: Operation, key: string, payload: string, signature: string): Promise<void> {
    const { root, clock, spoolOptions, onDiskTrouble } = this.#deps;
    const { running, queued, maximum } = this.#table;
    const atOnce = running + queued + this.#pending.size < maximum;
    const { operation: id, attempt } = operation;
    const facts = { operation: id, attempt, first: 0, next: 0, finished: false, returned: false };
    this.#pending.set(key, { facts, stopOrder: null });
    const place = operationPlace(root, key);
    // Plans are written side by side, and taken up in the order in which they came.
    const before = this.#lastTurn;
    const turn = Promise.withResolvers<void>();
    this.#lastTurn = turn.promise;
    const plan = { payload, signature, acceptedAt: clock.now(), order: this.#order++, maximum, atOnce };
    let slot: Slot;
    let spool: Spool;
    try {
      const written = this.#store.write(plan, running + queued + this.#pending.size === 1);
      slot = written.slot;
      const shared = { path: slot.path, planBytes: written.planBytes };
      spool = Spool.create(place, shared, written.descriptor, spoolOptions(key));
      await written.durable;
    } catch (error) {
      this.#pending.delete(key);
      const code = systemCode(error);
      const isFull = isFullDisk(error);
      if (isFull) onDiskTrouble(code);
      const detail = `It could not be written down: ${code}.`;
      this.#refuse(operation.operation, operation.attempt, { code: isFull ? 'agent-disk-full' : 'internal', detail });
      void before.then(turn.resolve);
      return;
    }
    // One that has to wait keeps no file open.
    if (!atOnce) await spool.release();
    await before;
    const stopOrder = this.#pending.get(key)?.stopOrder ?? null;
    this.#pending.delete(key);
    const settled = Promise.resolve();
    this.#table.takeUp({
      key,
      operation,
      slot,
      place,
      spool,
      phase: 'queued',
      run: null,
      stopOrder,
      givenUp: false,
      settled,
      waited: !atOnce,
    });
    turn.resolve();
  }

  #refuse(operation: string, attempt: number, { code, detail }: Refusal): void {
    this.#deps.log.warn('An operation was refused.', { operation, attempt, code, detail });
    this.#deps.say({ type: 'refused', operation, attempt, code, detail });
  }
}
