import { tagKey } from '../../protocol/tags.ts';
import type { ExecutionRecord } from './execution-record.ts';

/**
 * Executions that wait for a Runner, in order of creation. Those with the same project and tags share a lane: when the
 * first of a lane finds no Runner, none behind it does, so a round costs by lanes and not by what waits.
 */
export class PendingQueue {
  readonly #lanes = new Map<string, ExecutionRecord[]>();

  get isEmpty(): boolean {
    return this.#lanes.size === 0;
  }

  add(record: ExecutionRecord): void {
    const key = laneOf(record);
    const lane = this.#lanes.get(key);
    if (lane === undefined) {
      this.#lanes.set(key, [record]);
      return;
    }
    // Almost always the newest; one that comes back after a refusal goes to its old place.
    let at = lane.length;
    while (at > 0 && (lane[at - 1] as ExecutionRecord).row.number > record.row.number) at -= 1;
    lane.splice(at, 0, record);
  }

  remove(record: ExecutionRecord): void {
    const key = laneOf(record);
    const lane = this.#lanes.get(key);
    const at = lane?.indexOf(record) ?? -1;
    if (lane === undefined || at < 0) return;
    lane.splice(at, 1);
    if (lane.length === 0) this.#lanes.delete(key);
  }

  /** The oldest execution over all lanes but those in `blocked`, and its lane. */
  first(blocked: ReadonlySet<string>): { record: ExecutionRecord; lane: string } | null {
    let oldest: { record: ExecutionRecord; lane: string } | null = null;
    for (const [lane, records] of this.#lanes) {
      const record = records[0];
      if (record === undefined || blocked.has(lane)) continue;
      if (oldest === null || record.row.number < oldest.record.row.number) oldest = { record, lane };
    }
    return oldest;
  }

  *all(): IterableIterator<ExecutionRecord> {
    for (const lane of this.#lanes.values()) yield* [...lane];
  }
}

function laneOf(record: ExecutionRecord): string {
  return JSON.stringify([record.row.project_id, record.tags.map(tagKey).sort()]);
}
