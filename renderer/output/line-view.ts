import type { LineStore } from './line-store.ts';

const ALL: unique symbol = Symbol('all lines');

/**
 * The rows that are shown: all lines of a store, or those of one step. Grows
 * with the store: call {@link update} before reading.
 */
export class LineView {
  readonly #store: LineStore;
  readonly #step: number | typeof ALL;
  #lines = new Uint32Array(1024);
  #count = 0;
  #gone = 0;
  /** Lines before this one were looked at; of a view of all lines, the first one when it was updated last. */
  #seen: number;

  /** `step`: null for all. */
  constructor(store: LineStore, step: number | null) {
    this.#store = store;
    this.#step = step ?? ALL;
    this.#seen = store.first;
  }

  get count(): number {
    return this.#step === ALL ? this.#store.end - this.#store.first : this.#count;
  }

  /** Number of the line in `row`. */
  line(row: number): number {
    return this.#step === ALL ? this.#store.first + row : (this.#lines[row] as number);
  }

  /** The row of a line, or of the next one that is shown. */
  row(line: number): number {
    if (this.#step === ALL) return Math.min(Math.max(0, line - this.#store.first), this.count);
    let low = 0;
    let high = this.#count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#lines[middle] as number) < line) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Whether `line` is shown. */
  has(line: number): boolean {
    const row = this.row(line);
    return line >= this.#store.first && row < this.count && this.line(row) === line;
  }

  /** How many rows went at the top since the view was made. */
  get gone(): number {
    return this.#gone;
  }

  /** Takes in the lines that came, lets those go that the store let go. Does nothing when nothing changed. */
  update(): void {
    const { first, end } = this.#store;
    if (this.#step === ALL) {
      this.#gone += first - this.#seen;
      this.#seen = first;
      return;
    }
    const gone = this.row(first);
    if (gone > 0) {
      this.#lines.copyWithin(0, gone, this.#count);
      this.#count -= gone;
      this.#gone += gone;
    }
    for (let line = Math.max(this.#seen, first); line < end; line++)
      if (this.#store.step(line) === this.#step) this.#add(line);
    this.#seen = end;
  }

  #add(line: number): void {
    if (this.#count === this.#lines.length) {
      const wider = new Uint32Array(this.#count * 2);
      wider.set(this.#lines);
      this.#lines = wider;
    }
    this.#lines[this.#count] = line;
    this.#count += 1;
  }
}
