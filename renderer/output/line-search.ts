import { plainLines, plainText } from './ansi-row.ts';
import type { LineStore } from './line-store.ts';
import { lineText } from './line-text.ts';
import type { LineView } from './line-view.ts';

/** Bytes that are read in one go between two looks at the clock. */
const BLOCK_BYTES = 65_536;
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

/**
 * Which lines of a view contain a text, without regard to case. It works in slices, so that a million lines do not stop
 * the page, and goes on as lines come: call {@link advance} until it answers true, and again after each change.
 */
export class LineSearch {
  readonly #store: LineStore;
  readonly #view: LineView;
  readonly #wanted: string;
  #matches: number[] = [];
  /** Lines before this one were looked at. */
  #next: number;
  /** Lines that were still open when they were looked at: to be looked at again. */
  readonly #unsettled = new Set<number>();

  constructor(store: LineStore, view: LineView, wanted: string) {
    this.#store = store;
    this.#view = view;
    this.#wanted = wanted.toLowerCase();
    this.#next = store.first;
  }

  /** Numbers of the lines that match, ascending. */
  get matches(): readonly number[] {
    return this.#matches;
  }

  /** Looks on until `mayGoOn` says no. True when everything that is there was looked at. */
  advance(mayGoOn: () => boolean): boolean {
    const { first } = this.#store;
    if (this.#matches[0] !== undefined && this.#matches[0] < first)
      this.#matches = this.#matches.filter((line) => line >= first);
    this.#settle();
    let line = Math.max(this.#next, first);
    while (line < this.#store.end) {
      if (!mayGoOn()) return false;
      const { bytes, next } = this.#store.run(line, BLOCK_BYTES);
      if (next === line) {
        this.#unsettled.add(line);
        line += 1;
      } else {
        this.#lookThrough(line, bytes);
        line = next;
      }
      this.#next = line;
    }
    this.#settle();
    return true;
  }

  /** Many lines at once: one by one, a browser spends most of its time between them. */
  #lookThrough(from: number, bytes: Uint8Array): void {
    const text = plainLines(decoder.decode(bytes)).toLowerCase();
    if (!text.includes(this.#wanted)) return;
    for (const [index, line] of text.split('\n').entries())
      if (line.includes(this.#wanted) && this.#view.has(from + index)) this.#matches.push(from + index);
  }

  #contains(line: number): boolean {
    return plainText(lineText(this.#store, line)).toLowerCase().includes(this.#wanted);
  }

  /** Open lines count as they are now; closed ones for good. */
  #settle(): void {
    for (const line of this.#unsettled) {
      if (line < this.#store.first) {
        this.#unsettled.delete(line);
        continue;
      }
      const at = indexFrom(this.#matches, line);
      const listed = this.#matches[at] === line;
      const matches = this.#view.has(line) && this.#contains(line);
      if (matches && !listed) this.#matches.splice(at, 0, line);
      if (!matches && listed) this.#matches.splice(at, 1);
      if (!this.#store.isOpen(line)) this.#unsettled.delete(line);
    }
  }
}

/** Index of the first number that is not below `wanted` in an ascending list; its length when there is none. */
export function indexFrom(ascending: readonly number[], wanted: number): number {
  let low = 0;
  let high = ascending.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((ascending[middle] as number) < wanted) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Where `wanted` stands in `text`, without regard to case, as [from, to) pairs that do not overlap. */
export function occurrences(text: string, wanted: string): [number, number][] {
  const found: [number, number][] = [];
  if (wanted === '') return found;
  const lower = text.toLowerCase();
  // Lower case can change the length (İ): then the places would be wrong, and only the exact text is marked.
  const [hay, needle] = lower.length === text.length ? [lower, wanted.toLowerCase()] : [text, wanted];
  for (let at = hay.indexOf(needle); at !== -1; at = hay.indexOf(needle, at + needle.length))
    found.push([at, at + needle.length]);
  return found;
}
