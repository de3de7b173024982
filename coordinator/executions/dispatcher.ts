import type { Logger } from 'pino';
import type { Clock } from '../../protocol/clock.ts';
import { HostFactsSchema } from '../../protocol/enrolment.ts';
import { chooseRunner } from '../../protocol/selection.ts';
import type { RunnerMode } from '../../protocol/status.ts';
import type { RunnerLink } from '../gateway/runner-link.ts';
import { preparedQuery } from '../store/prepared-query.ts';
import type { Store } from '../store/store.ts';
import { Candidates, type CandidateView } from './candidates.ts';
import type { ExecutionLife } from './execution-life.ts';
import type { ExecutionRecord } from './execution-record.ts';
import type { ExecutionSaver } from './execution-saver.ts';
import { makeOperation, type OperationDeps } from './make-operation.ts';
import type { Chosen } from './offer-rows.ts';
import { PendingQueue } from './pending-queue.ts';

/** A replica that said "not now" gets nothing for this long. */
const AVOID_MS = 5_000;
/** A choice that turns out to rest on old knowledge is made anew, so often. */
const CHOICES = 3;

export interface DispatcherDeps extends OperationDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Logger;
  readonly link: RunnerLink;
  readonly saver: ExecutionSaver;
  readonly life: ExecutionLife;
}

/** What has to be true of a replica that is given work of a project. */
const assignedReplica = preparedQuery<
  { replicaId: string; projectId: string },
  { name: string; mode: RunnerMode; mode_until: number | null; facts: string }
>((db, value) =>
  db
    .selectFrom('replica')
    .innerJoin('runner', 'runner.id', 'replica.runner_id')
    .innerJoin('assignment', 'assignment.runner_id', 'runner.id')
    .select(['runner.name', 'runner.mode', 'runner.mode_until', 'replica.facts'])
    .where('replica.id', '=', value('replicaId'))
    .where('replica.revoked_at', 'is', null)
    .where('assignment.project_id', '=', value('projectId')),
);

/** Finds Runners for operations and sends them: at once when one is free, else in their order as soon as one is. */
export class Dispatcher {
  readonly #deps: DispatcherDeps;
  readonly #candidates: Candidates;
  readonly #refusals = new Map<string, { readonly until: number; readonly detail: string }>();
  readonly queue = new PendingQueue();
  #round: Promise<void> | null = null;
  #again = false;
  #stopped = false;

  constructor(deps: DispatcherDeps) {
    this.#deps = deps;
    this.#candidates = new Candidates({
      store: deps.store,
      presence: deps.link.presence,
      refusalOf: (replicaId) => this.#refusals.get(replicaId)?.detail ?? null,
    });
  }

  /** Runners, tags, modes or assignments changed: nothing remembered of them holds. */
  forgetRunners(): void {
    this.#candidates.forget();
  }

  view(): Promise<CandidateView> {
    return this.#candidates.view();
  }

  /** Chooses a replica for `operation` and reserves a slot there in the same instant; null when none is free. */
  async choose(projectId: string, tags: readonly string[], operation: string): Promise<Chosen | null> {
    const { clock, link } = this.#deps;
    for (let i = 0; i < CHOICES; i++) {
      const view = await this.#candidates.view();
      const choice = chooseRunner(view.eligible(projectId, tags, clock.now()), tags);
      if (choice === null) return null;
      link.reserve(choice.replicaId, operation);
      const facts = await this.#verify(choice.replicaId, projectId);
      if (facts !== null) return { ...choice, ...facts };
      link.release(choice.replicaId, operation);
      this.#candidates.forget();
    }
    return null;
  }

  /** Whether one that comes now has to stand in line: others want the same Runners, or slots are just being given out. */
  mustWait(lane: string): boolean {
    return this.#round !== null || this.queue.has(lane);
  }

  /** Sends what was reserved and stored as offered; what cannot be sent goes back into the queue. */
  send(record: ExecutionRecord): void {
    const { operation, row } = record;
    if (operation.state !== 'offered' || operation.replica_id === null) return;
    // Nobody has been sent anything yet, so a stop that was asked for meanwhile is already true.
    if (row.state === 'stopping') {
      this.#deps.life.takenBack(record);
      return;
    }
    const message = makeOperation(this.#deps, record, this.#deps.clock.now());
    if (!this.#deps.link.send(operation.replica_id, message)) this.#deps.life.takenBack(record);
  }

  /** Puts it among those that wait for a Runner. */
  wait(record: ExecutionRecord): void {
    this.queue.add(record);
    this.soon();
  }

  /** Gives a replica nothing for a moment: it has just refused what it seemed to have room for, with these words. */
  avoid(replicaId: string, detail: string): void {
    const { clock } = this.#deps;
    const until = clock.monotonic() + AVOID_MS;
    this.#refusals.set(replicaId, { until, detail });
    clock.after(AVOID_MS, () => {
      // A later refusal counts from its own time.
      if (this.#refusals.get(replicaId)?.until !== until) return;
      this.#refusals.delete(replicaId);
      this.soon();
    });
  }

  /** Looks at what waits, unless nothing does. */
  soon(): void {
    if (this.queue.isEmpty || this.#stopped) return;
    this.#again = true;
    this.#round ??= this.#rounds();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#round;
  }

  async #rounds(): Promise<void> {
    while (this.#again && !this.#stopped) {
      this.#again = false;
      try {
        await this.#oneRound();
      } catch (error) {
        this.#deps.log.error(
          { err: error },
          'waiting executions could not be looked at; trying again with the next change',
        );
      }
    }
    this.#round = null;
  }

  async #oneRound(): Promise<void> {
    const blocked = new Set<string>();
    for (;;) {
      const next = this.queue.first(blocked);
      if (next === null || this.#stopped) return;
      const { record, lane } = next;
      const chosen = await this.choose(record.row.project_id, record.tags, record.operation.id);
      // While Runners were looked at it may have been cancelled, or have run out of time.
      const waits = record.operation.state === 'pending' && !record.ended;
      if (chosen === null) blocked.add(lane);
      else if (waits) this.#offer(record, chosen);
      else this.#deps.link.release(chosen.replicaId, record.operation.id);
    }
  }

  #offer(record: ExecutionRecord, chosen: Chosen): void {
    this.queue.remove(record);
    if (!this.#deps.life.offered(record, chosen)) {
      this.#deps.link.release(chosen.replicaId, record.operation.id);
      return;
    }
    this.#deps.saver.saved(record).then(
      () => this.send(record),
      (error) => this.#deps.log.warn({ err: error, execution: record.id }, 'an offer was not saved before the stop'),
    );
  }

  /** Whether a choice still holds in the tables: the memory of Runners may be a moment old, a pause must not be. */
  async #verify(replicaId: string, projectId: string): Promise<{ runnerName: string; hostname: string } | null> {
    const { clock, store } = this.#deps;
    const [row] = (await assignedReplica(store.read, { replicaId, projectId })).rows;
    if (row === undefined) return null;
    const paused = row.mode !== 'active' && (row.mode_until === null || row.mode_until > clock.now());
    if (paused) return null;
    return { runnerName: row.name, hostname: HostFactsSchema.parse(JSON.parse(row.facts)).hostname };
  }
}
