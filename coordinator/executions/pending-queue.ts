import type { ExecutionRecord } from './execution-record.ts';

/**
 * Executions that wait for a Runner, in order: the higher priority first, then the older. Those with the same project and
 * tags share a lane: when the first of a lane finds no Runner, none behind it does, so a round costs by lanes and not by what
 * waits.
 */
export class PendingQueue {
  readonly #lanes = new Map<string, ExecutionRecord[]>();

  get isEmpty(): boolean {
    return this.#lanes.size === 0;
  }

  /** Something of this lane waits. */
  has(lane: string): boolean {
    return this.#lanes.has(lane);
  }

  add(record: ExecutionRecord): void {
    const key = record.lane;
    const lane = this.#lanes.get(key);
    if (lane === undefined) this.#lanes.set(key, [record]);
    else lane.splice(placeOf(lane, record), 0, record);
  }

  remove(record: ExecutionRecord): void {
    const key = record.lane;
    const lane = this.#lanes.get(key);
    const at = lane?.indexOf(record) ?? -1;
    if (lane === undefined || at < 0) return;
    lane.splice(at, 1);
    if (lane.length === 0) this.#lanes.delete(key);
  }

  /** The execution that goes first, over all lanes but those in `blocked`, and its lane. */
  first(blocked: ReadonlySet<string>): { record: ExecutionRecord; lane: string } | null {
    let first: { record: ExecutionRecord; lane: string } | null = null;
    for (const [lane, records] of this.#lanes) {
      const record = records[0];
      if (record === undefined || blocked.has(lane)) continue;
      if (first === null || goesBefore(record, first.record)) first = { record, lane };
    }
    return first;
  }

  /** How many that want the same Runners go before this one; null when it does not wait here. */
  ahead(record: ExecutionRecord): number | null {
    const lane = this.#lanes.get(record.lane) ?? [];
    const at = lane.indexOf(record);
    return at < 0 ? null : at;
  }
}

/** Where a record belongs in its lane: found by halving, since ten thousand may wait and come back in any order. */
function placeOf(lane: readonly ExecutionRecord[], record: ExecutionRecord): number {
  let low = 0;
  let high = lane.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (goesBefore(record, lane[middle] as ExecutionRecord)) high = middle;
    else low = middle + 1;
  }
  return low;
}

function goesBefore(a: ExecutionRecord, b: ExecutionRecord): boolean {
  if (a.row.priority !== b.row.priority) return a.row.priority > b.row.priority;
  return a.row.number < b.row.number;
}
