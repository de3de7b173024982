import type { Logger } from 'pino';
import type { Clock, Timer } from '../../protocol/clock.ts';
import { firstFailedRule } from '../../protocol/selection.ts';
import type { RunnerLink } from '../gateway/runner-link.ts';
import type { Dispatcher } from './dispatcher.ts';
import type { ExecutionLife } from './execution-life.ts';
import type { ExecutionRecord } from './execution-record.ts';
import type { LiveExecutions } from './live-executions.ts';
import { duration, waitedReason } from './reasons.ts';

const SWEEP_MS = 1_000;
/** A look that comes this much late means that the coordinator itself stood still (asleep, starved): nobody else is to blame. */
const STOOD_STILL_MS = 5_000;
/** After a start, agents get at least this long to come back before a lease that ran out meanwhile counts. */
const RETURN_MS = 120_000;

export interface DeadlineDeps {
  readonly clock: Clock;
  readonly log: Logger;
  readonly link: RunnerLink;
  readonly live: LiveExecutions;
  readonly life: ExecutionLife;
  readonly dispatcher: Dispatcher;
}

/** One timer for what must not last for ever: waiting for a Runner, and work of an agent that is not heard of. */
export function createDeadlines(deps: DeadlineDeps): Timer {
  const { clock, log, link, live, life, dispatcher } = deps;

  async function giveUp(record: ExecutionRecord): Promise<void> {
    const view = await dispatcher.view();
    if (record.operation.state !== 'pending' || record.ended) return;
    const seconds = Math.round((record.row.queue_deadline - record.row.created_at) / 1000);
    const failures = view
      .all(record.row.project_id, clock.now())
      .filter((runner) => runner.assignedToProject)
      .map((runner) => ({
        name: runner.name,
        detail: firstFailedRule(runner, record.tags)?.detail ?? 'It is free now.',
      }));
    life.gaveUp(record, waitedReason(seconds, failures));
  }

  function look(record: ExecutionRecord, now: number, monotonic: number): void {
    if (record.ended) return;
    if (record.operation.state === 'pending') {
      if (now < record.row.queue_deadline) return;
      giveUp(record).catch((error) => log.error({ err: error, execution: record.id }, 'a deadline could not be kept'));
      return;
    }
    if (record.leaseUntil === null || monotonic <= record.leaseUntil) return;
    const replicaId = record.operation.replica_id ?? '';
    if (link.isHeldBack(replicaId)) {
      record.renewLease(monotonic);
      return;
    }
    const name = record.row.runner_name ?? 'its Runner';
    const lease = duration(record.row.lease_seconds);
    const silent = link.replica(replicaId)?.connected
      ? `${name} is connected and has not named it for ${lease}`
      : `Nothing was heard of ${name} for ${lease}`;
    life.lost(record, `${silent}: how it ended is not known.`);
  }

  let lookedAt = clock.monotonic();
  return clock.every(SWEEP_MS, () => {
    const now = clock.now();
    const monotonic = clock.monotonic();
    const late = monotonic - lookedAt - SWEEP_MS;
    lookedAt = monotonic;
    for (const record of [...live.all()]) {
      if (late > STOOD_STILL_MS && record.leaseUntil !== null) record.leaseUntil += late;
      look(record, now, monotonic);
    }
    // Heartbeats may have told of more room; looking once a second is enough for ten thousand of them.
    dispatcher.soon();
  });
}

/** The lease of an operation that was under way when the coordinator stopped, on the clock of this life. */
export function leaseAfterStart(
  clock: Clock,
  record: Pick<ExecutionRecord, 'operation' | 'row'>,
  lastSeen: number | null,
): number {
  const leaseMs = record.row.lease_seconds * 1000;
  const until = Math.max(record.operation.lease_until ?? 0, (lastSeen ?? 0) + leaseMs);
  // Silence that was the coordinator's own is not held against the agent, however long it lasted.
  const left = Math.min(Math.max(until - clock.now(), Math.min(RETURN_MS, leaseMs)), leaseMs);
  return clock.monotonic() + left;
}
