import type { Logger } from 'pino';
import type { Clock } from '../../protocol/clock.ts';
import type { JournalRecord } from '../../protocol/journal.ts';
import { PROBLEMS, type ProblemCode } from '../../protocol/problems.ts';
import type { HeldOperation, JournalFrame } from '../../protocol/wire.ts';
import type { OperationRef, ResumeEntry, RunnerLink, WorkIntake } from '../gateway/runner-link.ts';
import type { Journals } from '../journals/journals.ts';
import type { Store } from '../store/store.ts';
import { applyEvent, coordinatorTime, forgetEvents } from './apply-event.ts';
import type { Dispatcher } from './dispatcher.ts';
import type { ExecutionLife } from './execution-life.ts';
import type { ExecutionRecord } from './execution-record.ts';
import type { ExecutionSaver } from './execution-saver.ts';
import type { LiveExecutions } from './live-executions.ts';
import { loadByOperation } from './load-executions.ts';
import { ACCEPT_WITHIN_MS } from './make-operation.ts';

/** After `acceptBefore` this much more is waited before an offer counts as never accepted: clocks are never quite equal. */
const ACCEPT_SLACK_MS = 5_000;
/** An offer that an agent came back without counts as never accepted at the first heartbeat after this. */
const UNLISTED_MS = 3_000;
/** So long after two live processes with one identity were seen, what one of them does not list may be with the other. */
const COPY_MS = 600_000;
/** An agent is asked to send again at most this often for one operation. */
const ASK_AGAIN_MS = 2_000;
/** When nothing could be stored, the agent is asked to send again after this. */
const STORE_RETRY_MS = 5_000;

export interface ReportDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Logger;
  readonly link: RunnerLink;
  readonly journals: Journals;
  readonly saver: ExecutionSaver;
  readonly live: LiveExecutions;
  readonly life: ExecutionLife;
  readonly dispatcher: Dispatcher;
  changed(record: ExecutionRecord): void;
}

/** Takes what agents report: what they hold, accept and refuse, and the records of their journals. */
export class WorkReports implements WorkIntake {
  readonly #deps: ReportDeps;
  /** Acknowledgements that wait for the end of this turn, so that many frames share one. */
  readonly #acks = new Map<ExecutionRecord, number>();

  constructor(deps: ReportDeps) {
    this.#deps = deps;
  }

  async resume(replicaId: string, held: readonly HeldOperation[]): Promise<readonly ResumeEntry[]> {
    const entries: ResumeEntry[] = [];
    for (const one of held) {
      const { operation, attempt } = one;
      const from = await this.#resumeOne(replicaId, one);
      entries.push({ operation, attempt, from: from ?? 0, drop: from === null });
    }
    return entries;
  }

  connected(replicaId: string, held: readonly HeldOperation[]): void {
    const { live, life, clock, dispatcher } = this.#deps;
    const holds = new Map(held.map((one) => [one.operation, one]));
    for (const record of live.ofReplica(replicaId)) {
      const one = holds.get(record.operation.id);
      if (one !== undefined && one.attempt === record.operation.attempt) {
        life.accepted(record);
        record.renewLease(clock.monotonic());
        if (record.ended && !one.finished)
          record.note(clock.now(), 'Its Runner came back with it still running and was told to stop it.');
        if (record.ended || record.row.state === 'stopping') life.sendCancel(record);
      } else if (this.#mayBeWithCopy(replicaId)) {
        // Neither lost nor free to be given away: the other process comes back with it, or its lease ends it.
        record.mayBeWithCopy = true;
      } else if (record.operation.state === 'offered') {
        // It lists everything that it wrote down; but one that it was just writing down may still be accepted.
        record.unlistedAt = clock.monotonic();
      } else if (!record.ended) {
        const host = record.row.replica_hostname ?? 'its host';
        life.lost(record, `The agent on ${host} came back without it: how it ended is not known.`);
      }
    }
    dispatcher.soon();
  }

  heartbeat(replicaId: string, operations: readonly OperationRef[], delivering: readonly OperationRef[]): void {
    const { clock, life, live } = this.#deps;
    const monotonic = clock.monotonic();
    for (const ref of operations) this.#find(replicaId, ref)?.renewLease(monotonic);
    for (const ref of delivering) this.#find(replicaId, ref)?.renewLease(monotonic);
    const offered = live.ofReplica(replicaId).filter((record) => record.operation.state === 'offered');
    if (offered.length > 0) {
      const listed = new Set(operations.map((one) => one.operation));
      for (const record of offered) {
        const { offered_at: offeredAt, id } = record.operation;
        // It must not accept it any more; or it came back without it and had time to say that it took it after all.
        // Messages come in order, so it did not.
        const expired = clock.now() - (offeredAt ?? 0) > ACCEPT_WITHIN_MS + ACCEPT_SLACK_MS;
        const passedOver = record.unlistedAt !== null && monotonic - record.unlistedAt > UNLISTED_MS;
        if ((expired || passedOver) && !listed.has(id) && !record.mayBeWithCopy) life.takenBack(record);
      }
    }
  }

  /** Whether another live process uses the identity of this replica, so that what this one does not hold proves nothing. */
  #mayBeWithCopy(replicaId: string): boolean {
    const { clock, link } = this.#deps;
    const seen = link.replica(replicaId)?.duplicateSeenAt ?? null;
    return seen !== null && clock.now() - seen < COPY_MS;
  }

  accepted(replicaId: string, ref: OperationRef): void {
    const record = this.#find(replicaId, ref);
    if (record !== null) this.#deps.life.accepted(record);
    else this.#disown(replicaId, ref);
  }

  refused(replicaId: string, ref: OperationRef, code: ProblemCode, detail: string): void {
    const record = this.#find(replicaId, ref);
    if (record === null || record.operation.state !== 'offered') return;
    const { life, dispatcher, log } = this.#deps;
    log.info({ execution: record.id, replica: replicaId, code, detail }, 'an agent refused an operation');
    const words = detail === '' ? PROBLEMS[code].title : detail;
    // `conflict`: an attempt that was taken back is still there, and is being stopped.
    if ((PROBLEMS[code].retry || code === 'conflict') && record.row.state !== 'stopping') {
      dispatcher.avoid(replicaId, words);
      life.takenBack(record);
      return;
    }
    const name = record.row.runner_name ?? 'The Runner';
    life.refused(record, `${name} refused it: ${words}`);
  }

  returned(replicaId: string, { operation, attempt }: OperationRef, reason: string): void {
    const { link, log, saver } = this.#deps;
    const record = this.#find(replicaId, { operation, attempt });
    if (record === null) {
      this.#disown(replicaId, { operation, attempt });
      return;
    }
    if (!this.#takeBack(record, replicaId, reason)) return;
    // Before this is durable the agent must go on saying it: after a crash here nobody else could.
    saver.saved(record).then(
      () => link.send(replicaId, { type: 'ack', operation, attempt, next: 0, final: true }),
      (error) => log.warn({ err: error, execution: record.id }, 'a return was not saved before the stop'),
    );
  }

  async frame(replicaId: string, frame: JournalFrame): Promise<string | null> {
    const { clock, journals, log } = this.#deps;
    const record = this.#find(replicaId, frame);
    if (record === null) {
      this.#disown(replicaId, frame);
      return `Operation ${frame.operation}, attempt ${frame.attempt}, is not yours or is over.`;
    }
    const append = journals.append(frame.operation, frame.attempt, frame.records);
    switch (append.kind) {
      case 'fenced':
        return `The journal of operation ${frame.operation} is not open for attempt ${frame.attempt}.`;
      case 'corrupt':
        return `A frame of operation ${frame.operation} holds bytes that are not whole journal records.`;
      case 'gap':
        this.#askAgain(record, append.next);
        return null;
      case 'duplicate':
        this.#acknowledge(record, append.next);
        return null;
      case 'taken':
        try {
          await append.stored;
        } catch (error) {
          log.error({ err: error, operation: frame.operation }, 'journal records could not be stored; asking again');
          clock.after(STORE_RETRY_MS, () => this.#askForMissing(record));
          return null;
        }
        this.#acknowledge(record, append.position.next);
        await this.#apply(record, append.events, append.position);
        this.#deps.changed(record);
        return null;
    }
  }

  disconnected(replicaId: string): void {
    const { journals, live, log } = this.#deps;
    for (const record of live.ofReplica(replicaId)) {
      this.#deps.changed(record);
      if (!record.isLate) continue;
      // It is read again from the tables when its agent comes back once more.
      live.remove(record);
      journals.release(record.operation.id).catch((error) => {
        log.error({ err: error, operation: record.operation.id }, 'a journal could not be closed');
      });
    }
  }

  revoked(replicaId: string): void {
    const { live, life } = this.#deps;
    for (const record of live.ofReplica(replicaId)) {
      if (!record.ended) life.lost(record, 'The credentials of its Runner were revoked: how it ended is not known.');
    }
  }

  /**
   * Opens the journal of a record after a restart and applies what it tells: it may know more than the tables do, which
   * are written after it.
   */
  async recover(record: ExecutionRecord): Promise<void> {
    const { journals, life, saver } = this.#deps;
    const opened = await journals.open(record.operation.id, record.operation.attempt);
    if (opened.events === null || opened.position.next === 0) return;
    life.started(record, this.#startOf(record, opened.events));
    if (!record.ended) forgetEvents(record);
    await this.#apply(record, opened.events, opened.position);
    if (!record.ended) saver.save(record);
  }

  /** From which record the agent shall send; null when nothing of it is needed. */
  async #resumeOne(replicaId: string, held: HeldOperation): Promise<number | null> {
    const { journals, live, life, log } = this.#deps;
    let record = live.ofOperation(held.operation);
    if (record === undefined) {
      const late = await this.#loadLate(replicaId, held);
      if (late === null) return null;
      record = late;
    }
    if (record.operation.replica_id !== replicaId || record.operation.attempt !== held.attempt) return null;
    try {
      await record.ready;
      if (held.returned) {
        const { operation, attempt } = held;
        if (this.#takeBack(record, replicaId, 'It was handed back.')) await this.#deps.saver.saved(record);
        else this.#disown(replicaId, { operation, attempt });
        return null;
      }
      if (record.operation.journal_records !== null) return null;
      const { position } = await journals.open(held.operation, held.attempt);
      if (held.first <= position.next) return position.next;
    } catch (error) {
      log.error({ err: error, operation: held.operation }, 'a journal cannot be opened');
      throw error;
    }
    life.lost(record, 'Records of its journal are missing on both ends: how it ended is not known.');
    return null;
  }

  /** An execution that was closed as lost, whose agent has come back with it: its log is completed, its state is not. */
  async #loadLate(replicaId: string, held: HeldOperation): Promise<ExecutionRecord | null> {
    const { live, store } = this.#deps;
    const record = await loadByOperation(store, held.operation);
    const present = live.ofOperation(held.operation);
    if (present !== undefined) return present;
    if (record === null || record.operation.replica_id !== replicaId) return null;
    if (record.row.state !== 'lost' || record.operation.journal_records !== null) return null;
    if (record.operation.attempt !== held.attempt) return null;
    record.isLate = true;
    live.add(record);
    return record;
  }

  async #apply(
    record: ExecutionRecord,
    events: readonly JournalRecord[],
    position: { bytes: number; next: number },
  ): Promise<void> {
    const { clock, link, life, log, saver } = this.#deps;
    if (events.length === 0) return;
    const skew = link.replica(record.operation.replica_id ?? '')?.skewMs ?? 0;
    const isLate = record.ended;
    life.started(record, this.#startOf(record, events));
    for (const event of events) {
      // What was closed stays closed: of a late journal only the end is looked at, for a note.
      if (isLate && event.kind !== 'finished') continue;
      const end = applyEvent(record, event, skew, clock.now());
      if (end === null) continue;
      try {
        await life.finished(record, end, { bytes: position.bytes, records: position.next });
        this.#acks.delete(record);
        this.#send(record, position.next, true);
      } catch (error) {
        // Not acknowledged: the agent keeps it and tells it again when the coordinator is back.
        log.warn({ err: error, execution: record.id }, 'an end was not saved before the stop');
      }
      return;
    }
    saver.save(record);
  }

  /** What its agent never started, and never will, is given to another. Returns false when that cannot be. */
  #takeBack(record: ExecutionRecord, replicaId: string, reason: string): boolean {
    const { clock, journals, life, log } = this.#deps;
    const isEmpty = (journals.stored(record.operation.id)?.next ?? 0) === 0;
    if (isEmpty && life.takenBack(record)) {
      log.info({ execution: record.id, replica: replicaId, reason }, 'an agent handed an operation back');
      return true;
    }
    // Its own journal says otherwise: it is not believed, and its lease ends it.
    record.note(clock.now(), 'Its Runner said that it never started, although it has reported records of it.');
    return false;
  }

  /** When it began: what its first record says, on our clock. */
  #startOf(record: ExecutionRecord, events: readonly JournalRecord[]): number {
    const { clock, link } = this.#deps;
    const skew = link.replica(record.operation.replica_id ?? '')?.skewMs ?? 0;
    const first = events.find((event) => event.kind === 'started');
    if (first === undefined) return clock.now();
    return coordinatorTime(first.time, skew, record.row.created_at, clock.now());
  }

  /** Tells an agent that nobody needs what it has of this attempt: it stops it and deletes its copy. */
  #disown(replicaId: string, { operation, attempt }: OperationRef): void {
    const { link, log } = this.#deps;
    log.warn({ replica: replicaId, operation, attempt }, 'an agent works on what was taken back from it or is over');
    link.send(replicaId, { type: 'ack', operation, attempt, next: 0, final: true });
  }

  #find(replicaId: string, ref: OperationRef): ExecutionRecord | null {
    const record = this.#deps.live.ofOperation(ref.operation);
    if (record === undefined || record.operation.replica_id !== replicaId) return null;
    return record.operation.attempt === ref.attempt ? record : null;
  }

  #acknowledge(record: ExecutionRecord, next: number): void {
    if (this.#acks.size === 0) queueMicrotask(() => this.#sendAcks());
    this.#acks.set(record, Math.max(next, this.#acks.get(record) ?? 0));
  }

  #sendAcks(): void {
    for (const [record, next] of this.#acks) this.#send(record, next, false);
    this.#acks.clear();
  }

  #send(record: ExecutionRecord, next: number, final: boolean): void {
    const { id: operation, attempt, replica_id: replicaId } = record.operation;
    if (replicaId !== null) this.#deps.link.send(replicaId, { type: 'ack', operation, attempt, next, final });
  }

  #askAgain(record: ExecutionRecord, from: number): void {
    const now = this.#deps.clock.monotonic();
    if (now - record.askedAgainAt < ASK_AGAIN_MS) return;
    record.askedAgainAt = now;
    const { id: operation, attempt, replica_id: replicaId } = record.operation;
    if (replicaId !== null) this.#deps.link.send(replicaId, { type: 'resume-from', operation, attempt, from });
  }

  #askForMissing(record: ExecutionRecord): void {
    const { journals, live, log } = this.#deps;
    if (live.ofOperation(record.operation.id) !== record) return;
    journals.open(record.operation.id, record.operation.attempt).then(
      ({ position }) => {
        record.askedAgainAt = Number.NEGATIVE_INFINITY;
        this.#askAgain(record, position.next);
      },
      (error) => log.error({ err: error, operation: record.operation.id }, 'a journal cannot be opened'),
    );
  }
}
