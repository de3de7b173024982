import type { Logger } from 'pino';
import type { Execution } from '../../protocol/api/executions.ts';
import type { Clock } from '../../protocol/clock.ts';
import { OutrunnerError } from '../../protocol/problems.ts';
import type { RunnerLink } from '../gateway/runner-link.ts';
import { isRepeat } from '../http/idempotency.ts';
import type { Journals } from '../journals/journals.ts';
import type { Live } from '../live/live.ts';
import type { WorkSignal } from '../presence.ts';
import type { Store } from '../store/store.ts';
import { Announcer } from './announcer.ts';
import { createDeadlines, leaseAfterStart } from './deadlines.ts';
import { Dispatcher } from './dispatcher.ts';
import { ExecutionLife } from './execution-life.ts';
import { type ExecutionRecord, executionView } from './execution-record.ts';
import { ExecutionSaver } from './execution-saver.ts';
import { LiveExecutions } from './live-executions.ts';
import { loadActive, loadExecution } from './load-executions.ts';
import { type StartRequest, startExecution } from './start-execution.ts';
import { WorkReports } from './work-reports.ts';

export interface ExecutionsDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Logger;
  readonly journals: Journals;
  readonly link: RunnerLink;
  readonly live: Live;
  /** Where people reach the coordinator; read when an operation is sent. */
  publicUrl(): string;
}

export interface Executions {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Logger;
  readonly journals: Journals;
  readonly records: LiveExecutions;
  readonly dispatcher: Dispatcher;
  readonly life: ExecutionLife;
  /** For rooms that change Runners, tags, modes or assignments: call it after each such change. */
  readonly signal: WorkSignal;
  /** Takes up what was not over when the coordinator stopped. Before agents are let in. */
  start(): Promise<void>;
  /** Starts an execution; resolves once it is durable (and sent, if a Runner is free). */
  run(request: StartRequest): Promise<Execution>;
  /** One execution as it is now. @throws OutrunnerError `not-found`. */
  get(id: string): Promise<ExecutionRecord>;
  view(record: ExecutionRecord): Promise<Execution>;
  /** Calls back when an execution is over and that is durable. */
  onOver(listener: (record: ExecutionRecord) => void): void;
  /** Aborts when `stop` begins. */
  readonly stopping: AbortSignal;
  /** Stops handing out work, and stores what is known. After the gateway has stopped. */
  stop(): Promise<void>;
}

/** Everything that executions are: starting, handing to Runners, what agents report, cancelling, deadlines, output. */
export function createExecutions(deps: ExecutionsDeps): Executions {
  const { clock, journals, link, log, store } = deps;
  const saver = new ExecutionSaver(deps);
  const records = new LiveExecutions();
  const announcer = new Announcer(deps);
  const overListeners: ((record: ExecutionRecord) => void)[] = [];
  const changed = (record: ExecutionRecord) => announcer.changed(record);
  const life = new ExecutionLife({
    ...deps,
    saver,
    live: records,
    changed,
    over(record) {
      announcer.over(record);
      for (const listener of overListeners) listener(record);
    },
    waits: (record) => dispatcher.wait(record),
    freed(record) {
      dispatcher.queue.remove(record);
      dispatcher.soon();
    },
  });
  const dispatcher = new Dispatcher({
    ...deps,
    saver,
    life,
  });
  const reports = new WorkReports({ ...deps, saver, live: records, life, dispatcher, changed });
  link.handle(reports);
  const deadlines = createDeadlines({ clock, log, link, live: records, life, dispatcher });
  const stopping = new AbortController();
  /** Journals are read this many at a time after a start, and not before the coordinator answers: they may be long. */
  const recovering: Promise<void>[] = [Promise.resolve(), Promise.resolve()];

  async function start(): Promise<void> {
    for (const [index, record] of (await loadActive(store)).entries()) {
      records.add(record);
      const { state, replica_id: replicaId, id } = record.operation;
      if (state === 'pending') {
        dispatcher.queue.add(record);
      } else if (replicaId !== null) {
        link.reserve(replicaId, id);
        record.leaseUntil = leaseAfterStart(clock, record, link.replica(replicaId)?.lastSeen ?? null);
        const lane = index % recovering.length;
        record.ready = (recovering[lane] ?? Promise.resolve()).then(() => recover(record, replicaId));
        recovering[lane] = record.ready;
      }
    }
    dispatcher.soon();
  }

  async function recover(record: ExecutionRecord, replicaId: string): Promise<void> {
    if (stopping.signal.aborted) return;
    try {
      await reports.recover(record);
    } catch (error) {
      log.error({ err: error, execution: record.id }, 'a journal could not be read after the start');
    }
    // Revoked while the coordinator was down: after what its journal tells, nothing more will come.
    if (link.replica(replicaId) === null) reports.revoked(replicaId);
  }

  async function view(record: ExecutionRecord): Promise<Execution> {
    const stored = journals.stored(record.operation.id);
    const bytes = stored?.bytes ?? (await journals.size(record.operation.id));
    return executionView(record, { bytes, records: stored?.next ?? 0 });
  }

  return {
    store,
    clock,
    log,
    journals,
    records,
    dispatcher,
    life,
    signal: {
      poke() {
        dispatcher.forgetRunners();
        dispatcher.soon();
      },
    },
    start,
    async run(request) {
      const created = (record: ExecutionRecord) => announcer.created(record);
      const { onceId, ...rest } = request;
      const earlier =
        onceId === undefined ? null : (records.ofExecution(onceId) ?? (await loadExecution(store, onceId)));
      // The call was made before, and the coordinator died before it could keep the answer.
      if (earlier !== null && isRepeat(earlier.row.created_at, clock.now())) return view(earlier);
      const start = { ...rest, onceId: earlier === null ? onceId : undefined };
      const record = await startExecution({ ...deps, live: records, dispatcher, life, created }, start);
      // What has no journal open yet has none on disk: there is nothing to look for.
      const stored = journals.stored(record.operation.id);
      return executionView(record, { bytes: stored?.bytes ?? 0, records: stored?.next ?? 0 });
    },
    async get(id) {
      const record = records.ofExecution(id) ?? (await loadExecution(store, id));
      if (record === null) throw new OutrunnerError('not-found', { detail: 'There is no such execution.' });
      return record;
    },
    view,
    onOver: (listener) => void overListeners.push(listener),
    stopping: stopping.signal,
    async stop() {
      stopping.abort();
      deadlines.cancel();
      announcer.stop();
      await dispatcher.stop();
      await Promise.all(recovering);
      await saver.stop();
      await journals.stop();
    },
  };
}
