import type { Logger } from 'pino';
import type { Clock } from '../../protocol/clock.ts';
import { type ExecutionEvent, isTerminal, nextExecutionState } from '../../protocol/execution-state.ts';
import type { RunnerLink } from '../gateway/runner-link.ts';
import type { Journals } from '../journals/journals.ts';
import { closeSteps, type Finished } from './apply-event.ts';
import type { ExecutionRecord, Survivor } from './execution-record.ts';
import type { ExecutionSaver } from './execution-saver.ts';
import type { LiveExecutions } from './live-executions.ts';
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
  /** A slot became free, or it left the queue. */
  freed(record: ExecutionRecord): void;
}

/** The only writer of the state of executions. Every change goes through the pure rules of `protocol/execution-state.ts`. */
export class ExecutionLife {
  readonly #deps: LifeDeps;

  constructor(deps: LifeDeps) {
    this.#deps = deps;
  }

  /** The agent wrote it down and begins; also when it was told late, or by its first record. */
  accepted(record: ExecutionRecord): void {
    if (record.operation.state !== 'offered') return;
    const now = this.#deps.clock.now();
    const { state } = nextExecutionState(record.row.state, 'offered', { type: 'accepted' });
    record.changeOperation({ state: 'accepted', accepted_at: now });
    record.change({ state, started_at: now, ...(state === 'running' ? { reason: '' } : {}) });
    this.#deps.saver.save(record);
    this.#deps.changed(record);
    // The agent may have missed it while it was writing the operation down.
    if (state === 'stopping') this.sendCancel(record);
  }

  /** The `finished` record is stored. Resolves when the end is durable. */
  finished(record: ExecutionRecord, end: Finished, journal: { bytes: number; records: number }): Promise<void> {
    record.changeOperation({ journal_bytes: journal.bytes, journal_records: journal.records });
    const event = { type: 'finished', outcome: end.outcome } as const;
    const survivors = mergeSurvivors(record.survivors, end.survivors);
    const reason = outcomeReason(record, end.outcome, end.reason);
    return this.#end(record, event, reason, survivors, end.at);
  }

  /** Nobody will ever say how it ended. */
  lost(record: ExecutionRecord, reason: string): void {
    this.#endSoon(record, { type: 'lease-lapsed' }, reason, record.survivors, this.#deps.clock.now());
  }

  /** The agent refused it for good. */
  refused(record: ExecutionRecord, reason: string): void {
    const shown = record.row.state === 'stopping' ? (record.row.cancel_reason ?? '') : reason;
    this.#endSoon(record, { type: 'refused' }, shown, record.survivors, this.#deps.clock.now());
  }

  /** It waited for a Runner until its deadline. */
  gaveUp(record: ExecutionRecord, reason: string): void {
    this.#endSoon(record, { type: 'queue-deadline' }, reason, record.survivors, this.#deps.clock.now());
  }

  /** Its stop was asked for and no agent ever had it. */
  stopUnstarted(record: ExecutionRecord): void {
    if (record.operation.state === 'offered') record.changeOperation({ state: 'pending' });
    const reason = record.row.cancel_reason ?? '';
    this.#endSoon(record, { type: 'cancel-asked' }, reason, record.survivors, this.#deps.clock.now());
  }

  /** A person asks to stop it. Resolves when that is durable; for one that no agent has, that is its end. */
  async cancel(record: ExecutionRecord, by: string, reason: string): Promise<void> {
    const { clock, saver } = this.#deps;
    const { state, applied } = nextExecutionState(record.row.state, record.operation.state, { type: 'cancel-asked' });
    if (applied) {
      const sentence = cancelSentence(by, reason);
      record.change({ cancel_asked_at: clock.now(), cancel_reason: sentence });
      if (isTerminal(state)) return this.#end(record, { type: 'cancel-asked' }, sentence, [], clock.now());
      record.change({ state, reason: sentence });
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

  /** Ends it without anybody waiting for that. */
  #endSoon(
    record: ExecutionRecord,
    event: ExecutionEvent,
    reason: string,
    survivors: readonly Survivor[],
    at: number,
  ): void {
    this.#end(record, event, reason, survivors, at).catch((error) => {
      this.#deps.log.warn({ err: error, execution: record.id }, 'an end was not saved before the stop');
    });
  }

  async #end(
    record: ExecutionRecord,
    event: ExecutionEvent,
    reason: string,
    survivors: readonly Survivor[],
    at: number,
  ): Promise<void> {
    const { clock, link, journals, live, saver } = this.#deps;
    const { state, applied } = nextExecutionState(record.row.state, record.operation.state, event);
    if (applied) {
      record.change({ state, reason: withSurvivors(reason, survivors), ended_at: endOf(record, at) });
      record.setSurvivors(survivors);
      closeSteps(record, at);
    } else {
      record.note(clock.now(), lateNote(event, reason));
    }
    record.changeOperation({ state: 'ended', ended_at: record.operation.ended_at ?? clock.now() });
    if (record.operation.replica_id !== null) link.release(record.operation.replica_id, record.operation.id);
    this.#deps.freed(record);
    await saver.saved(record);
    await journals.release(record.operation.id);
    live.remove(record);
    journals.wake(record.operation.id);
    this.#deps.over(record);
  }
}

function endOf(record: ExecutionRecord, at: number): number {
  return Math.max(at, record.row.started_at ?? record.row.created_at);
}

function lateNote(event: ExecutionEvent, reason: string): string {
  const said = event.type === 'finished' ? `ended as ${event.outcome}` : event.type;
  return `Reported too late to count: ${said}.${reason === '' ? '' : ` ${reason}`}`;
}

function mergeSurvivors(known: readonly Survivor[], last: readonly Survivor[]): readonly Survivor[] {
  const pids = new Set(last.map((one) => one.pid));
  return [...known.filter((one) => !pids.has(one.pid)), ...last].slice(0, 200);
}
