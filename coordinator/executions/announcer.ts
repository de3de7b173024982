import type { Clock, Timer } from '../../protocol/clock.ts';
import type { Journals } from '../journals/journals.ts';
import type { Live } from '../live/live.ts';
import { type ExecutionRecord, executionView } from './execution-record.ts';

/** At most ten events a second for each execution; its end is told at once. */
const BETWEEN_MS = 100;

/** Tells consoles what changed. */
export class Announcer {
  readonly #clock: Clock;
  readonly #live: Live;
  readonly #journals: Journals;
  readonly #lately = new Map<string, { timer: Timer; again: ExecutionRecord | null }>();

  constructor(deps: { clock: Clock; live: Live; journals: Journals }) {
    this.#clock = deps.clock;
    this.#live = deps.live;
    this.#journals = deps.journals;
  }

  created(record: ExecutionRecord): void {
    this.#publish(record, 'created');
  }

  changed(record: ExecutionRecord): void {
    if (!this.#live.heard) return;
    const lately = this.#lately.get(record.id);
    if (lately !== undefined) lately.again = record;
    else this.#publish(record, 'updated');
  }

  over(record: ExecutionRecord): void {
    this.#lately.get(record.id)?.timer.cancel();
    this.#lately.delete(record.id);
    this.#publish(record, 'updated');
    this.#lately.get(record.id)?.timer.cancel();
    this.#lately.delete(record.id);
  }

  stop(): void {
    for (const { timer } of this.#lately.values()) timer.cancel();
    this.#lately.clear();
  }

  #publish(record: ExecutionRecord, action: 'created' | 'updated'): void {
    if (!this.#live.heard) return;
    const timer = this.#clock.after(BETWEEN_MS, () => {
      const again = this.#lately.get(record.id)?.again ?? null;
      this.#lately.delete(record.id);
      if (again !== null) this.#publish(again, 'updated');
    });
    this.#lately.set(record.id, { timer, again: null });
    const stored = this.#journals.stored(record.operation.id);
    const output = { bytes: stored?.bytes ?? 0, records: stored?.next ?? 0 };
    this.#live.publish({ topic: 'execution', action, id: record.id, execution: executionView(record, output) });
  }
}
