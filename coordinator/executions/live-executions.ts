import type { ExecutionRecord } from './execution-record.ts';

/** The executions that are not over (and those of which late reports are being taken), by what they are asked for. */
export class LiveExecutions {
  readonly #byOperation = new Map<string, ExecutionRecord>();
  readonly #byExecution = new Map<string, ExecutionRecord>();
  readonly #byReplica = new Map<string, Set<ExecutionRecord>>();

  add(record: ExecutionRecord): void {
    this.#byOperation.set(record.operation.id, record);
    this.#byExecution.set(record.id, record);
    if (record.operation.replica_id !== null) this.given(record, record.operation.replica_id);
  }

  remove(record: ExecutionRecord): void {
    this.#byOperation.delete(record.operation.id);
    this.#byExecution.delete(record.id);
    if (record.operation.replica_id !== null) this.taken(record, record.operation.replica_id);
  }

  /** It was offered to this replica. */
  given(record: ExecutionRecord, replicaId: string): void {
    const set = this.#byReplica.get(replicaId);
    if (set === undefined) this.#byReplica.set(replicaId, new Set([record]));
    else set.add(record);
  }

  /** The replica has nothing to do with it any more. */
  taken(record: ExecutionRecord, replicaId: string): void {
    const set = this.#byReplica.get(replicaId);
    set?.delete(record);
    if (set?.size === 0) this.#byReplica.delete(replicaId);
  }

  ofOperation(operation: string): ExecutionRecord | undefined {
    return this.#byOperation.get(operation);
  }

  ofExecution(id: string): ExecutionRecord | undefined {
    return this.#byExecution.get(id);
  }

  ofReplica(replicaId: string): readonly ExecutionRecord[] {
    const set = this.#byReplica.get(replicaId);
    return set === undefined ? [] : [...set];
  }

  get isEmpty(): boolean {
    return this.#byExecution.size === 0;
  }

  all(): IterableIterator<ExecutionRecord> {
    return this.#byExecution.values();
  }
}
