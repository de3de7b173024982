import type { Operation } from '../../protocol/operation.ts';
import type { HeldOperation as HeldFacts, ToAgent } from '../../protocol/wire.ts';
import type { SessionLink, SessionWork, Welcome } from '../connection/session-link.ts';
import type { Forest } from '../executors/forest.ts';
import type { ProcessTree } from '../executors/process-tree.ts';
import type { ReadyShell } from '../executors/ready-shell.ts';
import { JournalDelivery } from './deliver-journals.ts';
import type { EndedLedger } from './ended-ledger.ts';
import { type HeldOperation, heldFacts, operationKey, refOf, removeWorkingFolder } from './held-operation.ts';
import { workFolder } from './operation-place.ts';
import { recoverOperations } from './recover-operations.ts';
import { endAbandoned, OperationRun, type StopOrder } from './run-operation.ts';
import type { SpoolOptions } from './spool.ts';
import { type OfferDeps, OfferDesk, type OfferTable } from './take-offers.ts';

/** How the agent leaves: see {@link Operations.stop}. */
export interface Leave {
  /** Why, for people. */
  readonly detail: string;
  /** How long what runs may go on, in milliseconds. */
  readonly finishMs: number;
  /** How long what is stopped then gets between the polite stop and the hard one, at most. */
  readonly graceMs: number;
  /** How long to wait after that until the coordinator has everything. */
  readonly patienceMs: number;
}

export interface OperationsDeps extends Omit<OfferDeps, 'say' | 'spoolOptions'> {
  readonly ledger: EndedLedger;
  /** The agent's own limit on operations at once. */
  readonly maximum: number;
  readonly inherited: Readonly<Record<string, string>>;
  readonly forest: Forest;
  readonly ready: ReadyShell;
  /** What runs or waits has changed. */
  readonly onChange: () => void;
}

/** Asked to stop a second time, the agent waits no longer for the coordinator: all of it is on the disk. */
const HURRIED_PATIENCE_MS = 2_000;

type Heard<Type extends ToAgent['type']> = Extract<ToAgent, { type: Type }>;

/**
 * All operations of this agent: takes them (durably, once), runs as many at once as it may, in order, keeps their journals
 * until the coordinator has them, and goes on with all of it whether or not there is a connection.
 *
 * Longer than most files here: it is the one owner of "which operation is here, and in which phase", and everything that
 * changes a phase stands together.
 */
export class Operations implements SessionWork, OfferTable {
  readonly #deps: OperationsDeps;
  readonly #desk: OfferDesk;
  readonly #delivery: JournalDelivery;
  readonly #held = new Map<string, HeldOperation>();
  /** The latest attempt of each operation that is held. */
  readonly #latest = new Map<string, HeldOperation>();
  readonly #queue: HeldOperation[] = [];
  #running = 0;
  #maximum: number;
  #skewMs = 0;
  #stopping = false;
  /** Why nothing new is taken for now. */
  #holdingOff: string | null = null;
  #diskHold = false;
  #hurried = false;
  #waiters: (() => void)[] = [];

  constructor(deps: OperationsDeps) {
    this.#deps = deps;
    this.#maximum = deps.maximum;
    this.#delivery = new JournalDelivery({
      ...deps,
      treeOf: (held) => this.#treeOf(held),
      onDone: (held) => this.giveUp(held),
      onBroke: (held, error) => this.#broke(held, error),
    });
    const say: OfferDeps['say'] = (message) => this.#delivery.say(message);
    this.#desk = new OfferDesk({ ...deps, say, spoolOptions: (key) => this.#spoolOptions(key) }, this);
  }

  /** Takes up what an earlier process of the agent left. Call once, before the first session. */
  async recover(): Promise<void> {
    const { root, clock, ledger, log } = this.#deps;
    const isDone = (key: string) => ledger.has(key);
    for (const found of await recoverOperations({
      root,
      log,
      isDone,
      spoolOptions: (key) => this.#spoolOptions(key),
    })) {
      this.#hold(found.held);
      this.#desk.found(found.held.slot);
      this.#maximum = Math.min(this.#maximum, found.maximum);
      if (found.held.phase === 'queued') this.#queue.push(found.held);
      if (found.held.phase !== 'running') continue;
      this.#running += 1;
      log.warn('An operation was running when the agent stopped; what is left of it is ended.', {
        operation: found.held.operation.operation,
      });
      const detail = 'The agent was restarted while this ran; what still ran was stopped.';
      const ended = endAbandoned({
        ...found.held,
        clock,
        tree: this.#treeOf(found.held),
        detail,
        firstOpenStep: found.firstOpenStep,
      });
      found.held.settled = this.#ends(found.held, ended);
    }
    this.#schedule();
  }

  load(): { running: number; queued: number; maximum: number } {
    return { running: this.#running, queued: this.#queue.length + this.#desk.pending, maximum: this.#maximum };
  }

  held(): HeldFacts[] {
    return [...[...this.#held.values()].map(heldFacts), ...this.#desk.pendingFacts()];
  }

  unfinished(): { operation: string; attempt: number }[] {
    const held = [...this.#held.values()].filter(({ phase }) => phase === 'queued' || phase === 'running');
    // What is being written down counts as well: a slow disk must not look as if it had been passed over.
    return [...held.map(refOf), ...this.#desk.pendingFacts().map(({ operation, attempt }) => ({ operation, attempt }))];
  }

  delivering(): { operation: string; attempt: number }[] {
    return [...this.#held.values()].filter(({ phase }) => phase === 'finished').map(refOf);
  }

  accepting(): boolean {
    return this.notTaking === null;
  }

  attach(link: SessionLink, welcome: Welcome, skewMs: number): void {
    this.#skewMs = skewMs;
    this.#delivery.attach(link, welcome, [...this.#held.values()]);
  }

  detach(): void {
    this.#delivery.detach();
    this.#wake();
  }

  writable(): void {
    this.#delivery.writable();
  }

  clockSkew(skewMs: number): void {
    this.#skewMs = skewMs;
  }

  /** The coordinator's clock minus this host's, in milliseconds. */
  get skewMs(): number {
    return this.#skewMs;
  }

  setMaximum(maximum: number): void {
    this.#maximum = Math.min(maximum, this.#deps.maximum);
    this.#schedule();
    this.#deps.onChange();
  }

  offer({ payload, signature }: Heard<'operation'>): void {
    this.#desk.offer(payload, signature, this.#deps.clock.now() + this.#skewMs);
  }

  acknowledged({ operation, attempt, next, final }: Heard<'ack'>): void {
    const held = this.#held.get(operationKey(operation, attempt));
    if (held === undefined) return;
    if (final) {
      this.giveUp(held);
      return;
    }
    this.#delivery.acknowledged(held.key, next);
    held.spool.acknowledged(next).catch((error: unknown) => this.#broke(held, error));
    this.#wake();
  }

  resumeFrom({ operation, attempt, from }: Heard<'resume-from'>): void {
    const held = this.#held.get(operationKey(operation, attempt));
    if (held === undefined)
      this.#delivery.say({ type: 'error', detail: `Operation ${operation}.${attempt} is not here.` });
    else this.#delivery.sendFrom(held, from);
  }

  cancel({ operation, attempt, reason, graceSeconds }: Heard<'cancel'>): void {
    const key = operationKey(operation, attempt);
    const detail = reason === '' ? 'It was cancelled.' : `It was cancelled: ${reason}`;
    const order: StopOrder = { why: 'cancelled', detail, graceMs: graceSeconds * 1000 };
    if (this.#desk.cancelPending(key, order)) return;
    const held = this.#held.get(key);
    if (held === undefined) {
      this.#delivery.say({ type: 'error', detail: `Operation ${key} is not here; there is nothing to cancel.` });
      return;
    }
    if (held.run !== null) held.run.stop(order);
    else if (held.phase === 'queued') {
      held.stopOrder = order;
      this.#queue.splice(this.#queue.indexOf(held), 1);
      this.#start(held);
    }
  }

  /** Pauses the output of everything that runs, or lets it go on: the disk is nearly full. */
  holdOutput(hold: boolean): void {
    if (this.#diskHold === hold) return;
    this.#diskHold = hold;
    for (const { run } of this.#held.values()) run?.hold(hold);
  }

  /**
   * Leaves as a good guest does: takes nothing new, hands back what never started, lets what runs go on for a while, stops
   * the rest, and resolves when all of it has ended and the coordinator has it, or when patience is out. Without a
   * connection, what waits stays on the disk for the next start.
   */
  async stop({ detail, finishMs, graceMs, patienceMs }: Leave): Promise<void> {
    this.#stopping = true;
    this.#refuseNew(detail);
    await this.#until(() => this.#running === 0 || this.#hurried, finishMs);
    for (const { run, operation } of this.#held.values()) {
      run?.stop({ why: 'agent-stopping', detail, graceMs: Math.min(graceMs, operation.plan.graceSeconds * 1000) });
    }
    const owes = ({ phase }: HeldOperation) => phase === 'finished' || phase === 'returned';
    const isDone = () =>
      this.#running === 0 && (!this.#delivery.isConnected || ![...this.#held.values()].some((held) => owes(held)));
    await this.#until(isDone, this.#hurried ? Math.min(patienceMs, HURRIED_PATIENCE_MS) : patienceMs);
    this.#desk.close();
    this.#deps.ready.stop();
  }

  /** Takes nothing new and hands back what never started, until {@link goOn}; what runs goes on. `why`: for people. */
  holdOff(why: string): void {
    this.#holdingOff = why;
    this.#refuseNew(why);
  }

  /** Takes work again. */
  goOn(): void {
    if (this.#holdingOff === null) return;
    this.#holdingOff = null;
    this.#delivery.beat();
    this.#schedule();
    this.#deps.onChange();
  }

  /** Resolves with true when nothing runs or is being written down, with false after `ms` or when `signal` aborts. */
  async idle(ms: number, signal: AbortSignal): Promise<boolean> {
    const isIdle = () => this.#running === 0 && this.#desk.pending === 0;
    const wake = () => this.#wake();
    signal.addEventListener('abort', wake);
    await this.#until(() => isIdle() || signal.aborted, ms);
    signal.removeEventListener('abort', wake);
    return isIdle() && !signal.aborted;
  }

  /** Ends the wait of a {@link stop} that is under way: what still runs is stopped now. */
  hurry(): void {
    this.#hurried = true;
    this.#wake();
  }

  #refuseNew(why: string): void {
    this.#delivery.beat();
    if (this.#delivery.isConnected) for (const held of this.#queue.splice(0)) this.#handBack(held, why);
    this.#deps.onChange();
  }

  /** Resolves when `isSo`, looked at after each change, or after `ms`. */
  async #until(isSo: () => boolean, ms: number): Promise<void> {
    let isLate = ms === 0;
    const timer = this.#deps.clock.after(ms, () => {
      isLate = true;
      this.#wake();
    });
    while (!isSo() && !isLate) await new Promise<void>((resolve) => this.#waiters.push(resolve));
    timer.cancel();
  }

  /** Gives an operation back that never started: first certain here, then said. */
  #handBack(held: HeldOperation, reason: string): void {
    held.phase = 'returned';
    held.settled = held.settled
      .then(async () => {
        await this.#desk.markReturned(held);
        this.#delivery.say({ type: 'returned', ...refOf(held), reason: reason.slice(0, 500) });
      })
      .catch((error: unknown) => this.#broke(held, error));
  }

  /** Operations that run now, for the status file. */
  runningNow(): readonly Operation[] {
    return [...this.#held.values()].filter(({ phase }) => phase === 'running').map(({ operation }) => operation);
  }

  get running(): number {
    return this.#running;
  }

  get queued(): number {
    return this.#queue.length;
  }

  get maximum(): number {
    return this.#maximum;
  }

  get notTaking(): string | null {
    return this.#stopping ? 'The agent is stopping.' : this.#holdingOff;
  }

  isKnown(key: string): boolean {
    return this.#held.has(key) || this.#deps.ledger.has(key);
  }

  latest(operation: string): HeldOperation | undefined {
    return this.#latest.get(operation);
  }

  takeUp(held: HeldOperation): void {
    this.#hold(held);
    this.#delivery.say({ type: 'accepted', ...refOf(held) });
    if (this.notTaking !== null && this.#delivery.isConnected && held.stopOrder === null) {
      this.#handBack(held, this.notTaking);
      return;
    }
    this.#delivery.sendFrom(held, 0);
    this.#queue.push(held);
    this.#schedule();
  }

  #hold(held: HeldOperation): void {
    const { operation, attempt } = held.operation;
    this.#held.set(held.key, held);
    if ((this.#latest.get(operation)?.operation.attempt ?? 0) < attempt) this.#latest.set(operation, held);
  }

  #schedule(): void {
    while (this.notTaking === null && this.#running < this.#maximum) {
      const held = this.#queue.shift();
      if (held === undefined) return;
      this.#start(held);
    }
  }

  #start(held: HeldOperation): void {
    const { clock, inherited, ready } = this.#deps;
    const { operation, spool, place } = held;
    const tree = this.#treeOf(held);
    const run = new OperationRun(operation, { clock, spool, tree, place, inherited, ready });
    held.run = run;
    held.phase = 'running';
    this.#running += 1;
    if (held.stopOrder !== null) run.stop(held.stopOrder);
    if (this.#diskHold) run.hold(true);
    this.#deps.onChange();
    const ended = run.run(held.waited).catch((error: unknown) => {
      this.#broke(held, error);
      const detail = 'Something broke in the agent; see its log.';
      return endAbandoned({ ...held, clock, tree, detail, firstOpenStep: 0 });
    });
    held.settled = this.#ends(held, ended);
  }

  #treeOf({ operation: { operation, attempt }, place }: HeldOperation): ProcessTree {
    return this.#deps.forest({ operation, attempt, workFolder: workFolder(place) });
  }

  /** Waits for the last record of an operation, whatever happens: one that never ended would be waited for, for ever. */
  async #ends(held: HeldOperation, ended: Promise<void>): Promise<void> {
    try {
      await ended;
      await held.spool.flushed();
    } catch (error) {
      // Its lease is no longer renewed from here on, so that the coordinator closes it.
      this.#broke(held, error);
    }
    held.run = null;
    held.phase = 'finished';
    this.#running -= 1;
    this.#schedule();
    this.#deps.onChange();
    this.#wake();
    const left = await removeWorkingFolder(held.place);
    held.spool.rest();
    if (left === null) return;
    const { operation } = held.operation;
    this.#deps.log.warn('The working folder could not be deleted.', { operation, detail: left });
  }

  /** Deletes what the coordinator needs no more; what still runs is stopped first, since nobody waits for it. */
  giveUp(held: HeldOperation): void {
    if (held.givenUp) return;
    held.givenUp = true;
    this.#delivery.drop(held.key);
    const position = this.#queue.indexOf(held);
    if (position >= 0) this.#queue.splice(position, 1);
    const detail = 'The coordinator has closed it.';
    held.run?.stop({ why: 'cancelled', detail, graceMs: held.operation.plan.graceSeconds * 1000 });
    held.settled = held.settled
      .then(async () => {
        this.#held.delete(held.key);
        if (this.#latest.get(held.operation.operation) === held) this.#latest.delete(held.operation.operation);
        await this.#deps.ledger.add(held.key, held.operation.acceptBefore);
        // Closed first: nothing touches the slot any more when it is another's. And forgotten before the rest is deleted: a crash
        // in between leaves nothing that looks as if it had never begun.
        await this.#desk.free(held, await held.spool.close());
        await held.spool.remove();
        await removeWorkingFolder(held.place);
        this.#wake();
      })
      .catch((error: unknown) => this.#broke(held, error));
  }

  #spoolOptions(key: string): SpoolOptions {
    return {
      clock: this.#deps.clock,
      onWritten: (batch) => {
        this.#delivery.wrote(key, batch);
        this.#held.get(key)?.run?.drained();
      },
      onTrouble: (code) => this.#deps.onDiskTrouble(code),
    };
  }

  #broke(held: HeldOperation, error: unknown): void {
    const detail = error instanceof Error ? (error.stack ?? error.message) : String(error);
    this.#deps.log.error('Something broke around an operation.', { operation: held.operation.operation, detail });
    this.#wake();
  }

  #wake(): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const resolve of waiters) resolve();
  }
}
