import type { Transaction } from 'kysely';
import type { Logger } from 'pino';
import type { Clock, Timer } from '../../protocol/clock.ts';
import { OutrunnerError } from '../../protocol/problems.ts';
import { preparedQuery } from '../store/prepared-query.ts';
import type { Database } from '../store/schema.ts';
import type { Store } from '../store/store.ts';
import type { ExecutionRecord, ExecutionRow, OperationRow, StepRow } from './execution-record.ts';

const RETRY_MS = 1_000;
/** What nobody waits for is written this much later, most often together with what comes next. */
const LATER_MS = 100;

interface Waiting {
  resolve(): void;
  reject(error: unknown): void;
}

interface Changes {
  readonly row: ExecutionRow | null;
  readonly operation: OperationRow | null;
  readonly steps: readonly StepRow[];
}

/**
 * Brings the tables up to what the records in memory say. What changes while a write is under way goes into the next
 * one; a write that fails (a full disk) is tried again until it succeeds, so that memory and tables never part.
 */
export class ExecutionSaver {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #waiting = new Map<ExecutionRecord, Waiting[]>();
  readonly #working = new Map<ExecutionRecord, Promise<void>>();
  readonly #later = new Map<ExecutionRecord, Timer>();
  #stopped = false;

  constructor(deps: { store: Store; clock: Clock; log: Logger }) {
    this.#store = deps.store;
    this.#clock = deps.clock;
    this.#log = deps.log;
  }

  /** Resolves when everything that is true of `record` now is durable. Rejects only with `shutting-down`. */
  saved(record: ExecutionRecord): Promise<void> {
    this.#later.get(record)?.cancel();
    this.#later.delete(record);
    return new Promise((resolve, reject) => {
      const waiting = this.#waiting.get(record);
      if (waiting === undefined) this.#waiting.set(record, [{ resolve, reject }]);
      else waiting.push({ resolve, reject });
      if (!this.#working.has(record)) this.#working.set(record, this.#work(record));
    });
  }

  /**
   * The same a moment later, for those who do not wait: a crash before it is durable loses nothing, because the agent and
   * the journal tell it again.
   */
  save(record: ExecutionRecord): void {
    if (this.#later.has(record)) return;
    this.#later.set(
      record,
      this.#clock.after(LATER_MS, () => this.#saveNow(record)),
    );
  }

  /** Finishes what can be written; what cannot is given up. */
  async stop(): Promise<void> {
    this.#stopped = true;
    for (const record of [...this.#later.keys()]) this.#saveNow(record);
    await Promise.all(this.#working.values());
  }

  #saveNow(record: ExecutionRecord): void {
    this.saved(record).catch((error) =>
      this.#log.warn({ err: error, execution: record.id }, 'not saved before the stop'),
    );
  }

  async #work(record: ExecutionRecord): Promise<void> {
    // A microtask later: several changes made in one go are one write.
    await Promise.resolve();
    for (;;) {
      const waiting = this.#waiting.get(record);
      if (waiting === undefined) break;
      this.#waiting.delete(record);
      const changes = takeChanges(record);
      try {
        if (!isEmpty(changes)) await this.#store.write((tx) => writeChanges(tx, changes));
        for (const one of waiting) one.resolve();
      } catch (error) {
        putBack(record, changes);
        if (this.#stopped || (error instanceof OutrunnerError && error.code === 'shutting-down')) {
          for (const one of waiting) one.reject(new OutrunnerError('shutting-down', { cause: error }));
          continue;
        }
        this.#log.error({ err: error, execution: record.id }, 'an execution could not be saved; trying again');
        this.#waiting.set(record, [...waiting, ...(this.#waiting.get(record) ?? [])]);
        await new Promise<void>((resolve) => this.#clock.after(RETRY_MS, resolve));
      }
    }
    this.#working.delete(record);
  }
}

function takeChanges(record: ExecutionRecord): Changes {
  const { unsaved } = record;
  const changes = {
    row: unsaved.row ? { ...record.row } : null,
    operation: unsaved.operation ? { ...record.operation } : null,
    steps: record.steps.filter((step) => unsaved.steps.has(step.position)).map((step) => ({ ...step })),
  };
  unsaved.row = false;
  unsaved.operation = false;
  unsaved.steps.clear();
  return changes;
}

function putBack(record: ExecutionRecord, changes: Changes): void {
  if (changes.row !== null) record.unsaved.row = true;
  if (changes.operation !== null) record.unsaved.operation = true;
  for (const step of changes.steps) record.unsaved.steps.add(step.position);
}

function isEmpty(changes: Changes): boolean {
  return changes.row === null && changes.operation === null && changes.steps.length === 0;
}

const updateExecution = preparedQuery<ExecutionRow>((db, value) =>
  db
    .updateTable('execution')
    .set({ state: value('state'), reason: value('reason') })
    .set({ started_at: value('started_at'), ended_at: value('ended_at') })
    .set({ runner_id: value('runner_id'), runner_name: value('runner_name') })
    .set({ replica_id: value('replica_id'), replica_hostname: value('replica_hostname') })
    .set({ survivors: value('survivors'), notes: value('notes') })
    .set({ cancel_asked_at: value('cancel_asked_at'), cancel_reason: value('cancel_reason') })
    .where('id', '=', value('id')),
);

const updateOperation = preparedQuery<OperationRow>((db, value) =>
  db
    .updateTable('operation')
    .set({
      attempt: value('attempt'),
      state: value('state'),
      runner_id: value('runner_id'),
      replica_id: value('replica_id'),
      offered_at: value('offered_at'),
      accepted_at: value('accepted_at'),
      ended_at: value('ended_at'),
      lease_until: value('lease_until'),
      journal_bytes: value('journal_bytes'),
      journal_records: value('journal_records'),
    } satisfies Record<Exclude<keyof OperationRow, 'id' | 'execution_id' | 'created_at'>, unknown>)
    .where('id', '=', value('id')),
);

const updateStep = preparedQuery<StepRow>((db, value) =>
  db
    .updateTable('execution_step')
    .set({
      state: value('state'),
      started_at: value('started_at'),
      ended_at: value('ended_at'),
      exit_code: value('exit_code'),
      signal: value('signal'),
      reason: value('reason'),
      detail: value('detail'),
    } satisfies Record<Exclude<keyof StepRow, 'execution_id' | 'position' | 'type' | 'label'>, unknown>)
    .where('execution_id', '=', value('execution_id'))
    .where('position', '=', value('position')),
);

async function writeChanges(tx: Transaction<Database>, changes: Changes): Promise<void> {
  const { row, operation, steps } = changes;
  if (row !== null) await updateExecution(tx, row);
  if (operation !== null) await updateOperation(tx, operation);
  for (const step of steps) await updateStep(tx, step);
}
