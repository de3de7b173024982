import type { Clock } from '../../protocol/clock.ts';
import type { Identity } from '../../protocol/enrolment.ts';
import type { Operation } from '../../protocol/operation.ts';
import type { ProblemCode } from '../../protocol/problems.ts';
import type { HeldOperation as HeldFacts, ToAgent } from '../../protocol/wire.ts';
import { systemCode } from '../agent-exit.ts';
import { signatureVerifier } from '../config/key-pair.ts';
import type { SessionLink, SessionWork, Welcome } from '../connection/session-link.ts';
import { processTree } from '../executors/process-tree.ts';
import type { Log } from '../log.ts';
import { AcceptedStore, operationFolder } from './accepted-store.ts';
import { checkOffer, type Refusal } from './check-offer.ts';
import type { EndedLedger } from './ended-ledger.ts';
import { type HeldOperation, heldFacts, operationKey, removeWorkingFolder } from './held-operation.ts';
import { JournalSender } from './journal-sender.ts';
import { recoverOperations } from './recover-operations.ts';
import { endAbandoned, OperationRun, type StopOrder } from './run-operation.ts';
import { Spool, type SpoolOptions } from './spool.ts';

/** Waiting operations above which offers are refused; the coordinator stops at the credit, long before this. */
const LONGEST_QUEUE = 10_000;

export interface OperationsDeps {
  readonly clock: Clock;
  readonly log: Log;
  readonly identity: Identity;
  /** Folder of the operations; exists. */
  readonly root: string;
  readonly ledger: EndedLedger;
  /** The agent's own limit on operations at once. */
  readonly maximum: number;
  readonly inherited: NodeJS.ProcessEnv;
  /** No new work is taken: the reason, or null. */
  readonly diskProblem: () => string | null;
  /** The disk refused a write. */
  readonly onDiskTrouble: (code: string) => void;
  /** What runs or waits has changed. */
  readonly onChange: () => void;
}

type Heard<Type extends ToAgent['type']> = Extract<ToAgent, { type: Type }>;

/**
 * All operations of this agent: takes them (durably, once), runs as many at once as it may, in order, keeps their journals
 * until the coordinator has them, and goes on with all of it whether or not there is a connection.
 */
export class Operations implements SessionWork {
  readonly #deps: OperationsDeps;
  readonly #isSigned: (text: string, signature: string) => boolean;
  readonly #store: AcceptedStore;
  readonly #held = new Map<string, HeldOperation>();
  /** The latest attempt of each operation that is held. */
  readonly #latest = new Map<string, HeldOperation>();
  /** Being written down: they count as load, and a cancel must find them. */
  readonly #accepting = new Map<string, StopOrder | null>();
  readonly #queue: HeldOperation[] = [];
  #running = 0;
  #offered = 0;
  #lastAccepted: Promise<void> = Promise.resolve();
  #maximum: number;
  #skewMs = 0;
  #link: SessionLink | null = null;
  #sender: JournalSender | null = null;
  #stopping = false;
  #diskHold = false;
  #waiters: (() => void)[] = [];

  constructor(deps: OperationsDeps) {
    this.#deps = deps;
    this.#maximum = deps.maximum;
    this.#store = new AcceptedStore(deps.root);
    this.#isSigned = signatureVerifier(deps.identity.coordinator.publicKey);
  }

  /** Takes up what an earlier process of the agent left. Call once, before the first session. */
  async recover(): Promise<void> {
    const { root, clock, log } = this.#deps;
    for (const found of await recoverOperations({ root, log, spoolOptions: (key) => this.#spoolOptions(key) })) {
      this.#hold(found.held);
      this.#maximum = Math.min(this.#maximum, found.maximum);
      if (found.held.phase === 'queued') this.#queue.push(found.held);
      if (found.held.phase !== 'running') continue;
      this.#running += 1;
      log.warn('An operation was running when the agent stopped; what is left of it is ended.', {
        operation: found.held.operation.operation,
      });
      const { operation, spool } = found.held;
      const tree = processTree(operation.operation);
      found.held.settled = endAbandoned(operation, spool, tree, clock, found.firstOpenStep)
        .then(() => this.#ran(found.held))
        .catch((error: unknown) => this.#broke(found.held, error));
    }
    this.#schedule();
  }

  load(): { running: number; queued: number; maximum: number } {
    return { running: this.#running, queued: this.#queue.length + this.#accepting.size, maximum: this.#maximum };
  }

  held(): HeldFacts[] {
    return [...this.#held.values()].map(heldFacts);
  }

  unfinished(): { operation: string; attempt: number }[] {
    return [...this.#held.values()]
      .filter(({ phase }) => phase !== 'finished')
      .map(({ operation: { operation, attempt } }) => ({ operation, attempt }));
  }

  attach(link: SessionLink, welcome: Welcome, skewMs: number): void {
    this.#link = link;
    this.#sender = new JournalSender(link, this.#deps.log);
    this.#skewMs = skewMs;
    const resume = new Map(welcome.resume.map((entry) => [operationKey(entry.operation, entry.attempt), entry]));
    for (const held of [...this.#held.values()]) {
      const entry = resume.get(held.key);
      if (entry?.drop) {
        this.#drop(held);
        continue;
      }
      // Not named by the coordinator: it was accepted while the connection was down, and the answer got lost.
      if (entry === undefined) link.send({ type: 'accepted', ...refOf(held) });
      this.#sendFrom(held, entry?.from ?? held.spool.first);
    }
  }

  detach(): void {
    this.#sender?.stop();
    this.#sender = null;
    this.#link = null;
  }

  writable(): void {
    this.#sender?.pump();
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
    const { identity, clock, log } = this.#deps;
    const checked = checkOffer(payload, signature, {
      isSigned: this.#isSigned,
      runner: identity.runner.id,
      replica: identity.replica,
      coordinatorNow: clock.now() + this.#skewMs,
    });
    if (checked.kind === 'unreadable') {
      log.warn('An operation was offered that cannot be read.', { detail: checked.detail.slice(0, 300) });
      this.#link?.send({ type: 'error', detail: `The operation cannot be read: ${checked.detail}`.slice(0, 2000) });
      return;
    }
    // What is held already was judged when it came: the same offer again only wants to hear the answer again.
    const { operation, attempt } = checked.kind === 'sound' ? checked.operation : checked;
    const key = operationKey(operation, attempt);
    const isForged = checked.kind === 'refused' && checked.refusal.code === 'operation-signature';
    if (!isForged && (this.#held.has(key) || this.#deps.ledger.has(key))) {
      this.#link?.send({ type: 'accepted', operation, attempt });
      return;
    }
    if (!isForged && this.#accepting.has(key)) return; // Its answer is on the way.
    if (checked.kind === 'refused') this.#refuse(operation, attempt, checked.refusal.code, checked.refusal.detail);
    else this.#consider(checked.operation, key, payload, signature);
  }

  acknowledged({ operation, attempt, next, final }: Heard<'ack'>): void {
    const held = this.#held.get(operationKey(operation, attempt));
    if (held === undefined) return;
    if (final) {
      this.#drop(held);
      return;
    }
    held.spool.acknowledged(next).catch((error: unknown) => this.#broke(held, error));
    this.#wake();
  }

  resumeFrom({ operation, attempt, from }: Heard<'resume-from'>): void {
    const held = this.#held.get(operationKey(operation, attempt));
    if (held === undefined)
      this.#link?.send({ type: 'error', detail: `Operation ${operation}.${attempt} is not here.` });
    else this.#sendFrom(held, from);
  }

  cancel({ operation, attempt, reason, graceSeconds }: Heard<'cancel'>): void {
    const key = operationKey(operation, attempt);
    const detail = reason === '' ? 'It was cancelled.' : `It was cancelled: ${reason}`;
    const order: StopOrder = { why: 'cancelled', detail, graceMs: graceSeconds * 1000 };
    if (this.#accepting.has(key)) {
      this.#accepting.set(key, order);
      return;
    }
    const held = this.#held.get(key);
    if (held === undefined) {
      this.#link?.send({ type: 'error', detail: `Operation ${key} is not here; there is nothing to cancel.` });
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
   * Stops what runs, and resolves when all of it has ended and the coordinator has it, or after `patienceMs`. What waits in
   * the queue stays on the disk for the next start.
   */
  async stop(detail: string, graceMs: number, patienceMs: number): Promise<void> {
    this.#stopping = true;
    for (const { run, operation } of this.#held.values()) {
      run?.stop({ why: 'agent-stopping', detail, graceMs: Math.min(graceMs, operation.plan.graceSeconds * 1000) });
    }
    const isDone = () =>
      this.#running === 0 && (this.#link === null || ![...this.#held.values()].some((h) => h.phase === 'finished'));
    let isLate = false;
    const timer = this.#deps.clock.after(patienceMs, () => {
      isLate = true;
      this.#wake();
    });
    while (!isDone() && !isLate) await new Promise<void>((resolve) => this.#waiters.push(resolve));
    timer.cancel();
  }

  /** Operations that run now, for the status file. */
  runningNow(): readonly Operation[] {
    return [...this.#held.values()].filter(({ phase }) => phase === 'running').map(({ operation }) => operation);
  }

  #consider(operation: Operation, key: string, payload: string, signature: string): void {
    const refusal = this.#reasonAgainst(operation);
    if (refusal !== null) this.#refuse(operation.operation, operation.attempt, refusal.code, refusal.detail);
    else void this.#accept(operation, key, payload, signature);
  }

  #reasonAgainst(operation: Operation): Refusal | null {
    if (this.#stopping) return { code: 'shutting-down', detail: 'The agent is stopping.' };
    const disk = this.#deps.diskProblem();
    if (disk !== null) return { code: 'agent-disk-full', detail: disk };
    if (this.#queue.length + this.#accepting.size >= LONGEST_QUEUE) {
      return { code: 'agent-at-capacity', detail: `${LONGEST_QUEUE} operations are waiting here already.` };
    }
    const other = this.#latest.get(operation.operation);
    if (other === undefined) return null;
    const { attempt } = other.operation;
    if (operation.attempt < attempt) return { code: 'conflict', detail: `Attempt ${attempt} is here, which is newer.` };
    if (other.phase === 'running') return { code: 'conflict', detail: `Attempt ${attempt} is still running here.` };
    // A new attempt is made only when the coordinator has given up the old one: what waits of it must never run.
    if (other.phase === 'queued') this.#drop(other);
    return null;
  }

  async #accept(operation: Operation, key: string, payload: string, signature: string): Promise<void> {
    const { root, clock } = this.#deps;
    const maximum = this.#maximum;
    const atOnce = this.#running + this.#queue.length + this.#accepting.size < maximum;
    const order = this.#offered++;
    this.#accepting.set(key, null);
    const folder = operationFolder(root, operation.operation, operation.attempt);
    // Plans are written side by side, and taken up in the order in which they came.
    const spool = Spool.create(folder, this.#spoolOptions(key));
    const before = this.#lastAccepted;
    const turn = Promise.withResolvers<void>();
    this.#lastAccepted = turn.promise;
    try {
      const _written = this.#store.write(folder, {
        payload,
        signature,
        acceptedAt: clock.now(),
        order,
        maximum,
        atOnce,
      });
      await before;
      this.#takeUp(operation, key, folder, spool, atOnce);
    } catch (error) {
      this.#accepting.delete(key);
      const code = systemCode(error);
      const isFull = code === 'ENOSPC' || code === 'EDQUOT';
      if (isFull) this.#deps.onDiskTrouble(code);
      const detail = `It could not be written down: ${code}.`;
      this.#refuse(operation.operation, operation.attempt, isFull ? 'agent-disk-full' : 'internal', detail);
    } finally {
      turn.resolve();
    }
  }

  #takeUp(operation: Operation, key: string, folder: string, spool: Spool, atOnce: boolean): void {
    const stopOrder = this.#accepting.get(key) ?? null;
    this.#accepting.delete(key);
    const held: HeldOperation = {
      key,
      operation,
      folder,
      spool,
      phase: 'queued',
      run: null,
      stopOrder,
      settled: Promise.resolve(),
      waited: !atOnce,
    };
    this.#hold(held);
    this.#link?.send({ type: 'accepted', ...refOf(held) });
    this.#sendFrom(held, 0);
    this.#queue.push(held);
    this.#schedule();
  }

  #hold(held: HeldOperation): void {
    const { operation, attempt } = held.operation;
    this.#held.set(held.key, held);
    if ((this.#latest.get(operation)?.operation.attempt ?? 0) < attempt) this.#latest.set(operation, held);
  }

  #schedule(): void {
    while (!this.#stopping && this.#running < this.#maximum) {
      const held = this.#queue.shift();
      if (held === undefined) return;
      this.#start(held);
    }
  }

  #start(held: HeldOperation): void {
    const { clock, inherited } = this.#deps;
    const { operation, spool, folder } = held;
    const run = new OperationRun(operation, {
      clock,
      spool,
      tree: processTree(operation.operation),
      folder,
      inherited,
    });
    held.run = run;
    held.phase = 'running';
    this.#running += 1;
    if (held.stopOrder !== null) run.stop(held.stopOrder);
    if (this.#diskHold) run.hold(true);
    this.#deps.onChange();
    held.settled = run
      .run(held.waited)
      .then(() => this.#ran(held))
      .catch((error: unknown) => this.#broke(held, error));
  }

  /** The last record is appended: once it is in the file, the operation has ended. */
  async #ran(held: HeldOperation): Promise<void> {
    held.run = null;
    await held.spool.flushed();
    held.phase = 'finished';
    this.#running -= 1;
    this.#schedule();
    this.#deps.onChange();
    this.#wake();
    const left = await removeWorkingFolder(held.folder);
    await held.spool.durable();
    await held.spool.release();
    if (left !== null) {
      this.#deps.log.warn('The working folder could not be deleted.', {
        operation: held.operation.operation,
        detail: left,
      });
    }
  }

  /** Deletes what the coordinator needs no more; what still runs is stopped first, since nobody waits for it. */
  #drop(held: HeldOperation): void {
    if (!this.#held.has(held.key)) return;
    this.#sender?.drop(held.key);
    const position = this.#queue.indexOf(held);
    if (position >= 0) this.#queue.splice(position, 1);
    const detail = 'The coordinator has closed it.';
    held.run?.stop({ why: 'cancelled', detail, graceMs: held.operation.plan.graceSeconds * 1000 });
    held.settled = held.settled
      .then(async () => {
        this.#held.delete(held.key);
        if (this.#latest.get(held.operation.operation) === held) this.#latest.delete(held.operation.operation);
        await this.#deps.ledger.add(held.key, held.operation.acceptBefore);
        await held.spool.remove();
        this.#wake();
      })
      .catch((error: unknown) => this.#broke(held, error));
  }

  #sendFrom(held: HeldOperation, from: number): void {
    const { spool, operation } = held;
    if (from < spool.first) {
      const detail = `Records ${from} to ${spool.first - 1} of ${held.key} were acknowledged and are deleted here.`;
      this.#deps.log.error(detail);
      this.#link?.send({ type: 'error', detail });
      this.#sender?.start(held.key, operation.operation, operation.attempt, spool, spool.first);
    } else if (from <= spool.next) {
      this.#sender?.start(held.key, operation.operation, operation.attempt, spool, from);
    } else {
      this.#startAgainAt(held, from);
    }
  }

  /**
   * The coordinator has records that did not survive a power cut here. What this process says about the end gets numbers
   * that are free there, or the coordinator would take it for what it has already.
   */
  #startAgainAt(held: HeldOperation, from: number): void {
    const { operation, spool } = held;
    if (held.run !== null) {
      this.#link?.send({ type: 'error', detail: `Operation ${held.key} has only records up to ${spool.next}.` });
      return;
    }
    this.#deps.log.warn('Part of a journal was lost in a power cut; the coordinator has it.', {
      operation: operation.operation,
    });
    held.settled = held.settled
      .then(async () => {
        await spool.restartAt(from);
        await endAbandoned(operation, spool, processTree(operation.operation), this.#deps.clock, 0);
        await spool.flushed();
        this.#sender?.start(held.key, operation.operation, operation.attempt, spool, from);
      })
      .catch((error: unknown) => this.#broke(held, error));
  }

  #refuse(operation: string, attempt: number, code: ProblemCode, detail: string): void {
    this.#deps.log.warn('An operation was refused.', { operation, attempt, code, detail });
    this.#link?.send({ type: 'refused', operation, attempt, code, detail });
  }

  #spoolOptions(key: string): SpoolOptions {
    return {
      clock: this.#deps.clock,
      onWritten: (batch) => {
        this.#sender?.wrote(key, batch);
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

function refOf({ operation: { operation, attempt } }: HeldOperation): { operation: string; attempt: number } {
  return { operation, attempt };
}
