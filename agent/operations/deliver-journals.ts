import type { Clock } from '../../protocol/clock.ts';
import type { FromAgent } from '../../protocol/wire.ts';
import type { SessionLink, Welcome } from '../connection/session-link.ts';
import type { ProcessTree } from '../executors/process-tree.ts';
import type { Log } from '../log.ts';
import { type HeldOperation, operationKey, refOf } from './held-operation.ts';
import { JournalSender } from './journal-sender.ts';
import { endAbandoned } from './run-operation.ts';
import type { WrittenBatch } from './spool.ts';

export interface DeliveryDeps {
  readonly clock: Clock;
  readonly log: Log;
  readonly treeOf: (held: HeldOperation) => ProcessTree;
  /** The coordinator needs nothing more of this operation. */
  readonly onDone: (held: HeldOperation) => void;
  /** Something unexpected went wrong with this operation. */
  readonly onBroke: (held: HeldOperation, error: unknown) => void;
}

/** Brings journals to the coordinator: over the session that is open now, from where that end needs them. */
export class JournalDelivery {
  readonly #deps: DeliveryDeps;
  #link: SessionLink | null = null;
  #sender: JournalSender | null = null;

  constructor(deps: DeliveryDeps) {
    this.#deps = deps;
  }

  get isConnected(): boolean {
    return this.#link !== null;
  }

  /** Says something to the coordinator; nothing happens without a connection. */
  say(message: FromAgent): void {
    this.#link?.send(message);
  }

  /** Says how things are ahead of the next heartbeat. */
  beat(): void {
    this.#link?.beat();
  }

  /** A session is open: sends of each operation what the coordinator asked for in its welcome. */
  attach(link: SessionLink, welcome: Welcome, held: readonly HeldOperation[]): void {
    this.#link = link;
    this.#sender = new JournalSender(link, this.#deps.log, this.#deps.clock);
    const resume = new Map(welcome.resume.map((entry) => [operationKey(entry.operation, entry.attempt), entry]));
    for (const operation of held) {
      const entry = resume.get(operation.key);
      if (entry?.drop) {
        this.#deps.onDone(operation);
        continue;
      }
      // Not named by the coordinator: it was accepted while the connection was down, and the answer got lost.
      if (operation.phase === 'returned') continue;
      if (entry === undefined) link.send({ type: 'accepted', ...refOf(operation) });
      this.sendFrom(operation, entry?.from ?? operation.spool.first);
    }
  }

  detach(): void {
    this.#sender?.stop();
    this.#sender = null;
    this.#link = null;
  }

  /** The link has room again. */
  writable(): void {
    this.#sender?.pump();
  }

  wrote(key: string, batch: WrittenBatch): void {
    this.#sender?.wrote(key, batch);
  }

  /** The coordinator has stored the records below `next`. */
  acknowledged(key: string, next: number): void {
    this.#sender?.acknowledged(key, next);
  }

  drop(key: string): void {
    this.#sender?.drop(key);
  }

  /** Sends the records of an operation from number `from` on, and those that follow as they come. */
  sendFrom(held: HeldOperation, from: number): void {
    const { spool, key } = held;
    const { operation, attempt } = held.operation;
    if (from < spool.first) {
      const detail = `Records ${from} to ${spool.first - 1} of ${key} were acknowledged and are deleted here.`;
      this.#deps.log.error(detail);
      this.say({ type: 'error', detail });
      this.#sender?.start(key, operation, attempt, spool, spool.first);
    } else if (from <= spool.next) {
      this.#sender?.start(key, operation, attempt, spool, from);
    } else {
      this.#startAgainAt(held, from);
    }
  }

  /**
   * The coordinator has records that did not survive a power cut here. What this process says about the end gets numbers
   * that are free there, or the coordinator would take it for what it has already.
   */
  #startAgainAt(held: HeldOperation, from: number): void {
    const { spool, key } = held;
    const { operation, attempt } = held.operation;
    if (held.run !== null) {
      this.say({ type: 'error', detail: `Operation ${key} has only records up to ${spool.next}.` });
      return;
    }
    this.#deps.log.warn('Part of a journal was lost in a power cut; the coordinator has it.', { operation });
    held.settled = held.settled
      .then(async () => {
        await spool.restartAt(from);
        const detail = 'The host lost power while this ran, and part of its log with it.';
        await endAbandoned({
          ...held,
          clock: this.#deps.clock,
          tree: this.#deps.treeOf(held),
          detail,
          firstOpenStep: 0,
        });
        await spool.flushed();
        this.#sender?.start(key, operation, attempt, spool, from);
      })
      .catch((error: unknown) => this.#deps.onBroke(held, error));
  }
}
