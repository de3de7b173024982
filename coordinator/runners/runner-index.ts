import { sameNameKey } from '../../protocol/fields.ts';
import { OutrunnerError } from '../../protocol/problems.ts';
import type { Store } from '../store/store.ts';
import { type RunnerRecord, readRecords } from './runner-record.ts';

/**
 * All Runners in memory as the tables know them: a list of ten thousand is sorted by what no table holds (status, load), and
 * must not read them all again for each keystroke of a search. Whoever writes a Runner calls `refresh` after the commit.
 */
export class RunnerIndex {
  readonly #store: Store;
  readonly #records = new Map<string, RunnerRecord>();
  readonly #byName = new Map<string, string>();
  /** Runners that are written while an older read of them is under way: the last read counts. */
  readonly #reads = new Map<string, number>();
  #readNumber = 0;

  constructor(store: Store) {
    this.#store = store;
  }

  /** Reads all. Once, at the start. */
  async load(): Promise<void> {
    for (const record of await readRecords(this.#store.read, null)) this.#put(record);
  }

  get(id: string): RunnerRecord | null {
    return this.#records.get(id) ?? null;
  }

  /** @throws OutrunnerError `not-found`. */
  need(id: string): RunnerRecord {
    const record = this.#records.get(id);
    if (record === undefined) throw new OutrunnerError('not-found', { detail: 'There is no such Runner.' });
    return record;
  }

  byName(name: string): RunnerRecord | null {
    const id = this.#byName.get(sameNameKey(name));
    return id === undefined ? null : this.get(id);
  }

  all(): IterableIterator<RunnerRecord> {
    return this.#records.values();
  }

  get size(): number {
    return this.#records.size;
  }

  /** Reads these Runners again; those that are gone leave. */
  async refresh(...ids: readonly string[]): Promise<void> {
    const number = ++this.#readNumber;
    for (const id of ids) this.#reads.set(id, number);
    const found = new Map((await readRecords(this.#store.read, ids)).map((record) => [record.row.id, record]));
    for (const id of ids) {
      if (this.#reads.get(id) !== number) continue;
      this.#reads.delete(id);
      const record = found.get(id);
      if (record === undefined) this.#remove(id);
      else this.#put(record);
    }
  }

  /** How many Runners carry each tag, under its first spelling. */
  tags(): Record<string, number> {
    const counts = new Map<string, { tag: string; count: number }>();
    for (const record of this.#records.values()) {
      for (const [index, key] of record.tagKeys.entries()) {
        const known = counts.get(key);
        if (known === undefined) counts.set(key, { tag: record.tags[index] ?? key, count: 1 });
        else known.count += 1;
      }
    }
    const sorted = [...counts.entries()].sort(([a], [b]) => (a < b ? -1 : 1));
    return Object.fromEntries(sorted.map(([, { tag, count }]) => [tag, count]));
  }

  #put(record: RunnerRecord): void {
    const { id, name_key } = record.row;
    const before = this.#records.get(id);
    if (before !== undefined && before.row.name_key !== name_key) this.#forgetName(before);
    this.#records.set(id, record);
    this.#byName.set(name_key, id);
  }

  #remove(id: string): void {
    const record = this.#records.get(id);
    if (record === undefined) return;
    this.#records.delete(id);
    this.#forgetName(record);
  }

  /** Another Runner may have taken the name meanwhile. */
  #forgetName(record: RunnerRecord): void {
    if (this.#byName.get(record.row.name_key) === record.row.id) this.#byName.delete(record.row.name_key);
  }
}
