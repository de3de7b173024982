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

// `web2` before `web10`, and the case does not matter.
const collator = new Intl.Collator(undefined, { numeric: true, sensitivity: 'base' });

/** Numbers by size, texts as people sort them. */
export function compareValues(a: string | number, b: string | number): number {
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  return collator.compare(String(a), String(b));
}

interface Cells {
  getValue(columnId: string): unknown;
}

/** {@link compareValues} on the values of two rows in a column. Rows without a value are the table's business. */
export function compareCells(a: Cells, b: Cells, columnId: string): number {
  return compareValues(a.getValue(columnId) as string | number, b.getValue(columnId) as string | number);
}
