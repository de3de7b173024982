import type { Logger } from 'pino';
import type { Clock } from '../../protocol/clock.ts';
import { isTerminal, nextWorkState, type WorkEvent } from '../../protocol/execution-state.ts';
import type { RunnerLink } from '../gateway/runner-link.ts';
import type { Journals } from '../journals/journals.ts';
import { closeSteps, type Finished } from './apply-event.ts';
import type { ExecutionRecord, Survivor } from './execution-record.ts';
import type { ExecutionSaver } from './execution-saver.ts';
import type { LiveExecutions } from './live-executions.ts';
import { type Chosen, givenTo, runnerOf, TO_NOBODY } from './offer-rows.ts';
import { cancelSentence, outcomeReason, withSurvivors } from './reasons.ts';

export interface LifeDeps {
  readonly clock: Clock;
  readonly log: Logger;
  readonly link: RunnerLink;
  readonly journals: Journals;
  readonly saver: ExecutionSaver;
  readonly live: LiveExecutions;
  /** It changed in a way that people see. */
  changed(record: ExecutionRecord): void;
  /** It is over and that is durable. */
  over(record: ExecutionRecord): void;
  /** It needs a Runner (again). */
  waits(record: ExecutionRecord): void;
  /** A slot became free, or it left the queue. */
  freed(record: ExecutionRecord): void;
}

/**
 * The only writer of the state of executions and operations. Every change goes through the pure rules of
 * `protocol/execution-state.ts`; what they do not apply changes nothing.
 */
export class ExecutionLife {
  readonly #deps: LifeDeps;

  constructor(deps: LifeDeps) {
    this.#deps = deps;
  }

  /** A Runner was chosen for one that waited, and a slot reserved there. Not sent yet, and not durable. */
  offered(record: ExecutionRecord, chosen: Chosen): boolean {
    if (!this.#move(record, { type: 'offered' })) return false;
    const { clock, live } = this.#deps;
    record.changeOperation(givenTo(chosen, clock.now(), record.row.lease_seconds));
    record.change({ ...runnerOf(chosen), reason: '' });
    this.hold(record);
    live.given(record, chosen.replicaId);
    this.#deps.changed(record);
    return true;
  }

  /** Begins the lease of an attempt and lets its journal in. */
  hold(record: ExecutionRecord): void {
    const { clock, journals } = this.#deps;
    record.leaseUntil = clock.monotonic() + record.row.lease_seconds * 1000;
    journals.begin(record.operation.id, record.operation.attempt);
  }

  /** The agent wrote it down. */
  accepted(record: ExecutionRecord): void {
    if (!this.#move(record, { type: 'accepted', attempt: record.operation.attempt })) return;
    record.changeOperation({ accepted_at: this.#deps.clock.now() });
    this.#deps.saver.save(record);
    this.#deps.changed(record);
    // The agent may have missed it while it was writing the operation down.
    if (record.row.state === 'stopping') this.sendCancel(record);
  }

  /** Its journal has begun: steps run. Also when that is the first that is heard of it. */
  started(record: ExecutionRecord, at: number): void {
    const { accepted_at: acceptedAt, state } = record.operation;
    if (!this.#move(record, { type: 'started', attempt: record.operation.attempt })) return;
    record.changeOperation({ accepted_at: acceptedAt ?? this.#deps.clock.now() });
    record.change({ started_at: at, ...(record.row.state === 'running' ? { reason: '' } : {}) });
    this.#deps.saver.save(record);
    this.#deps.changed(record);
    if (state === 'offered' && record.row.state === 'stopping') this.sendCancel(record);
  }

  /**
   * It provably never started where it is: it is given to another Runner under a new attempt, which fences this one; or it
   * ends, when its stop was asked for. Returns whether that was so.
   */
  takenBack(record: ExecutionRecord): boolean {
    const { link, live, saver } = this.#deps;
    const { replica_id: replicaId, id, attempt } = record.operation;
    if (!this.#move(record, { type: 'taken-back', attempt })) return false;
    if (replicaId !== null) {
      link.release(replicaId, id);
      live.taken(record, replicaId);
    }
    record.leaseUntil = null;
    record.unlistedAt = null;
    record.mayBeWithCopy = false;
    record.changeOperation(TO_NOBODY.operation);
    record.change(TO_NOBODY.execution);
    if (record.ended) {
      this.#endSoon(record, record.row.cancel_reason ?? '');
      return true;
    }
    saver.save(record);
    this.#deps.changed(record);
    this.#deps.waits(record);
    return true;
  }

  /** The `finished` record is stored. Resolves when the end is durable. */
  async finished(record: ExecutionRecord, end: Finished, journal: { bytes: number; records: number }): Promise<void> {
    record.changeOperation({ journal_bytes: journal.bytes, journal_records: journal.records });
    const survivors = mergeSurvivors(record.survivors, end.survivors);
    const reason = outcomeReason(record, end.outcome, end.reason);
    if (this.#move(record, { type: 'finished', attempt: record.operation.attempt, outcome: end.outcome })) {
      return this.#end(record, reason, survivors, end.at);
    }
    const note = `Reported too late to count: ended as ${end.outcome}.${reason === '' ? '' : ` ${reason}`}`;
    record.note(this.#deps.clock.now(), note);
    await this.#settle(record);
  }

  /** Nobody will ever say how it ended. */
  lost(record: ExecutionRecord, reason: string): void {
    if (this.#move(record, { type: 'lease-lapsed', attempt: record.operation.attempt })) this.#endSoon(record, reason);
  }

  /** The agent refused it for good. */
  refused(record: ExecutionRecord, reason: string): void {
    const shown = record.row.state === 'stopping' ? (record.row.cancel_reason ?? '') : reason;
    if (this.#move(record, { type: 'refused', attempt: record.operation.attempt })) this.#endSoon(record, shown);
  }

  /** It waited for a Runner until its deadline. */
  gaveUp(record: ExecutionRecord, reason: string): void {
    if (this.#move(record, { type: 'queue-deadline' })) this.#endSoon(record, reason);
  }

  /** A person asks to stop it. Resolves when that is durable; for one that no agent has, that is its end. */
  async cancel(record: ExecutionRecord, by: string, reason: string): Promise<void> {
    const { clock, saver } = this.#deps;
    if (this.#move(record, { type: 'cancel-asked' })) {
      const sentence = cancelSentence(by, reason);
      record.change({ cancel_asked_at: clock.now(), cancel_reason: sentence, reason: sentence });
      if (record.ended) return this.#end(record, sentence, [], clock.now());
      this.#deps.changed(record);
    }
    // Asked again, it is also sent again: asking twice does no harm, and the first one may have been lost.
    this.sendCancel(record);
    await saver.saved(record);
  }

  /** Tells the agent to stop it, if it is connected; otherwise it hears of it when it comes back. */
  sendCancel(record: ExecutionRecord): void {
    const { id: operation, attempt, replica_id: replicaId } = record.operation;
    if (replicaId === null) return;
    const { cancel_reason, grace_seconds: graceSeconds, state } = record.row;
    const reason = (cancel_reason ?? `The coordinator closed it as ${state}.`).slice(0, 1000);
    this.#deps.link.send(replicaId, { type: 'cancel', operation, attempt, reason, graceSeconds });
  }

  #move(record: ExecutionRecord, event: WorkEvent): boolean {
    const { next, applied } = nextWorkState(record.work, event);
    if (applied) record.moveTo(next);
    return applied;
  }

  /** Ends it without anybody waiting for that. */
  #endSoon(record: ExecutionRecord, reason: string): void {
    this.#end(record, reason, record.survivors, this.#deps.clock.now()).catch((error) => {
      this.#deps.log.warn({ err: error, execution: record.id }, 'an end was not saved before the stop');
    });
  }

  /** Completes what its rows say of an end that it has just moved to. */
  #end(record: ExecutionRecord, reason: string, survivors: readonly Survivor[], at: number): Promise<void> {
    if (!isTerminal(record.row.state)) throw new Error('Only what is over has an end.');
    record.change({ reason: withSurvivors(reason, survivors), ended_at: endOf(record, at) });
    record.setSurvivors(survivors);
    closeSteps(record, at);
    return this.#settle(record);
  }

  /** Makes it durable that nothing more will come, and lets go of it. */
  async #settle(record: ExecutionRecord): Promise<void> {
    const { clock, link, journals, live, saver } = this.#deps;
    const { replica_id: replicaId, id, ended_at: endedAt } = record.operation;
    record.changeOperation({ ended_at: endedAt ?? clock.now() });
    if (replicaId !== null) link.release(replicaId, id);
    this.#deps.freed(record);
    await saver.saved(record);
    await journals.release(id);
    live.remove(record);
    journals.wake(id);
    this.#deps.over(record);
  }
}

function endOf(record: ExecutionRecord, at: number): number {
  return Math.max(at, record.row.started_at ?? record.row.created_at);
}

function mergeSurvivors(known: readonly Survivor[], last: readonly Survivor[]): readonly Survivor[] {
  const pids = new Set(last.map((one) => one.pid));
  return [...known.filter((one) => !pids.has(one.pid)), ...last].slice(0, 200);
}
