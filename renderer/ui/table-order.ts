/** How tables are ordered: pure, apart from React and the table library. */

export interface SortState {
  readonly id: string;
  readonly desc: boolean;
}

/** Reads `name` (ascending) or `-name` (descending). */
export function parseSort(sort: string | undefined): SortState[] {
  if (sort === undefined || sort === '') return [];
  return sort.startsWith('-') ? [{ id: sort.slice(1), desc: true }] : [{ id: sort, desc: false }];
}

/** The counterpart of {@link parseSort}. */
export function sortText(id: string, desc: boolean): string {
  return desc ? `-${id}` : id;
}

/** Keys of texts met so far. A list of ten thousand is ordered again with every batch of live events. */
const keys = new Map<string, string>();
const MOST_KEYS = 100_000;
const LONGEST_NUMBER = 12;

/**
 * A text whose plain comparison gives the order that people expect: no regard to case and accents, and numbers inside by
 * their size (`web2` before `web10`). An Intl.Collator gives the same, but takes twenty times as long for each comparison.
 */
export function naturalKey(text: string): string {
  let key = keys.get(text);
  if (key === undefined) {
    key = text
      .normalize('NFKD')
      .replace(/\p{M}/gu, '')
      .toLowerCase()
      .replace(/\d+/g, (digits) => digits.replace(/^0+(?=\d)/, '').padStart(LONGEST_NUMBER, '0'));
    if (keys.size >= MOST_KEYS) keys.clear();
    keys.set(text, key);
  }
  return key;
}

/** What a cell is ordered by. */
export function orderKey(value: string | number | null | undefined): string | number | undefined {
  return typeof value === 'string' ? naturalKey(value) : (value ?? undefined);
}

interface Cells {
  getValue(columnId: string): unknown;
}

/** Compares the {@link orderKey}s of two rows in a column. Rows without one are the table's business. */
export function compareCells(a: Cells, b: Cells, columnId: string): number {
  const left = a.getValue(columnId) as string | number;
  const right = b.getValue(columnId) as string | number;
  if (left === right) return 0;
  return left < right ? -1 : 1;
}
