import { BytePages } from './byte-pages.ts';

/** What a row of the log is: printed text, or a separator that says what happened between the lines. */
export const LINE_KINDS = [
  'stdout',
  'stderr',
  'started',
  'step-started',
  'step-succeeded',
  'step-failed',
  'step-skipped',
  'step-stopped',
  'succeeded',
  'failed',
  'stopped',
  'mark',
  'cut',
] as const;
export type LineKind = (typeof LINE_KINDS)[number];

/** Step of lines that belong to the whole operation. */
export const NO_STEP = 0xffff;

/** Bounds of what a viewer keeps; the oldest lines go first. Rows of 20 px beyond the line bound would not fit a page. */
export interface LineLimits {
  readonly lines: number;
  readonly bytes: number;
}
export const DEFAULT_LIMITS: LineLimits = { lines: 1_500_000, bytes: 512 << 20 };

const FIRST_CAPACITY = 1024;
const UNSET = 0xffffffff;
const NO_BYTES = new Uint8Array(0);

/**
 * Lines of an output as columns of numbers beside pages of bytes: about 27 bytes of bookkeeping a line and no object, so
 * that a million lines cost what their text costs. A line has a number, counted from 0 over the whole output; it stays
 * the same when older lines are let go. A line is *open* while its end was not seen: its bytes come from `openText`.
 */
export class LineStore {
  readonly #limits: LineLimits;
  readonly #pages = new BytePages();
  #page = new Uint32Array(FIRST_CAPACITY);
  #start = new Uint32Array(FIRST_CAPACITY);
  #length = new Uint32Array(FIRST_CAPACITY);
  #step = new Uint16Array(FIRST_CAPACITY);
  #kind = new Uint8Array(FIRST_CAPACITY);
  #time = new Float64Array(FIRST_CAPACITY);
  #first = 0;
  #count = 0;
  readonly #open = new Map<number, () => Uint8Array>();

  constructor(limits: LineLimits = DEFAULT_LIMITS) {
    this.#limits = limits;
  }

  /** Number of the oldest line that is kept: so many were let go. */
  get first(): number {
    return this.#first;
  }

  /** Number that the next line will get. */
  get end(): number {
    return this.#first + this.#count;
  }

  /** Bytes that the text takes in memory. */
  get bytes(): number {
    return this.#pages.bytes;
  }

  /** Begins a line whose text is not complete; `openText` says what there is of it so far. Answers its number. */
  open(kind: LineKind, step: number, time: number, openText: () => Uint8Array): number {
    const line = this.#add(kind, step, time);
    this.#open.set(line, openText);
    return line;
  }

  /** Gives an open line its final text. */
  close(line: number, text: Uint8Array): void {
    this.#open.delete(line);
    // Let go while it was open: there is no row left to fill.
    if (line < this.#first) return;
    this.#place(line, text);
  }

  /** Adds a whole line. Answers its number. */
  append(kind: LineKind, step: number, time: number, text: Uint8Array): number {
    const line = this.#add(kind, step, time);
    this.#place(line, text);
    return line;
  }

  isOpen(line: number): boolean {
    return this.#open.has(line);
  }

  /** Whether a line of `from` … `to` (exclusive) is open and may still change. */
  anyOpen(from: number, to: number): boolean {
    for (const line of this.#open.keys()) if (line >= from && line < to) return true;
    return false;
  }

  kind(line: number): LineKind {
    return LINE_KINDS[this.#kind[this.#slot(line)] as number] as LineKind;
  }

  /** Step index, or {@link NO_STEP}. */
  step(line: number): number {
    return this.#step[this.#slot(line)] as number;
  }

  /** When the line began, in milliseconds since the epoch by the agent's clock. */
  time(line: number): number {
    return this.#time[this.#slot(line)] as number;
  }

  /** The bytes of a line without its end of line: a view, valid until lines are let go. */
  text(line: number): Uint8Array {
    const openText = this.#open.get(line);
    if (openText !== undefined) return openText();
    const slot = this.#slot(line);
    return this.#pages.read(this.#page[slot] as number, this.#start[slot] as number, this.#length[slot] as number);
  }

  /**
   * As many closed lines from `line` on as lie one behind the other, up to about `limit` bytes, each with a line feed
   * after it; `next` is the line behind them. None when `line` itself is open: then `next` is `line`.
   */
  run(line: number, limit: number): { readonly bytes: Uint8Array; readonly next: number } {
    const first = this.#slot(line);
    const page = this.#page[first] as number;
    const start = this.#start[first] as number;
    if (page === UNSET) return { bytes: NO_BYTES, next: line };
    let slot = first;
    let end = start;
    while (slot < this.#count && this.#page[slot] === page && this.#start[slot] === end && end - start < limit) {
      end += (this.#length[slot] as number) + 1;
      slot += 1;
    }
    return { bytes: this.#pages.read(page, start, end - start), next: this.#first + slot };
  }

  /** Lets the oldest tenth go when a bound is passed. Answers how many lines went. */
  trim(): number {
    const over = this.#count > this.#limits.lines || this.#pages.bytes > this.#limits.bytes;
    if (!over || this.#count < 2) return 0;
    const gone = Math.max(1, Math.floor(this.#count / 10));
    for (const column of [this.#page, this.#start, this.#length, this.#step, this.#kind, this.#time])
      column.copyWithin(0, gone, this.#count);
    this.#count -= gone;
    this.#first += gone;
    for (const line of this.#open.keys()) if (line < this.#first) this.#open.delete(line);
    // Lines lie in the order in which they ended, so an older page can hold a newer line: look at all that stay.
    let oldest = this.#pages.page;
    for (let slot = 0; slot < this.#count; slot++) {
      const page = this.#page[slot] as number;
      if (page < oldest) oldest = page;
    }
    this.#pages.dropBefore(oldest);
    return gone;
  }

  #slot(line: number): number {
    const slot = line - this.#first;
    if (slot < 0 || slot >= this.#count) throw new RangeError(`Line ${line} of the output is not kept.`);
    return slot;
  }

  #add(kind: LineKind, step: number, time: number): number {
    if (this.#count === this.#page.length) this.#grow();
    const slot = this.#count;
    this.#kind[slot] = LINE_KINDS.indexOf(kind);
    this.#step[slot] = step;
    this.#time[slot] = time;
    this.#page[slot] = UNSET;
    this.#count += 1;
    return this.#first + slot;
  }

  #place(line: number, text: Uint8Array): void {
    const slot = this.#slot(line);
    this.#start[slot] = this.#pages.append(text);
    this.#page[slot] = this.#pages.page;
    this.#length[slot] = text.length;
  }

  #grow(): void {
    const capacity = this.#page.length * 2;
    const wider = <Column extends { set(from: Column): void }>(from: Column, to: Column): Column => {
      to.set(from);
      return to;
    };
    this.#page = wider(this.#page, new Uint32Array(capacity));
    this.#start = wider(this.#start, new Uint32Array(capacity));
    this.#length = wider(this.#length, new Uint32Array(capacity));
    this.#step = wider(this.#step, new Uint16Array(capacity));
    this.#kind = wider(this.#kind, new Uint8Array(capacity));
    this.#time = wider(this.#time, new Float64Array(capacity));
  }
}
