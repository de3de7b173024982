import { z } from 'zod';
import { OutrunnerError } from '../../protocol/problems.ts';

/** Values by which a list is ordered, the most important first. null comes last, whatever the direction. */
export type SortKey = readonly (string | number | null)[];

export interface PageRequest {
  readonly limit: number;
  readonly cursor?: string | undefined;
}

export interface Page<Item> {
  readonly items: Item[];
  readonly next: string | null;
  readonly total: number;
}

const CursorSchema = z
  .array(z.union([z.string(), z.number(), z.null()]))
  .min(1)
  .max(5);

/** Order of two keys. `descending` turns the first part alone: ties keep their order in both directions. */
export function compareKeys(a: SortKey, b: SortKey, descending: boolean): number {
  for (const [index, left] of a.entries()) {
    const right = b[index] ?? null;
    if (left === right) continue;
    if (left === null) return 1;
    if (right === null) return -1;
    const order = left < right ? -1 : 1;
    return descending && index === 0 ? -order : order;
  }
  return 0;
}

/**
 * One page of `items`. The cursor is the key of the last item that was seen, so that what is added or deleted between two
 * pages neither repeats nor hides others. Keys must be unique: end them with an id.
 */
export function pageBy<Item>(
  items: readonly Item[],
  request: PageRequest,
  keyOf: (item: Item) => SortKey,
  descending: boolean,
): Page<Item> {
  const after = request.cursor === undefined ? null : readCursor(request.cursor);
  const keyed = items.map((item) => ({ item, key: keyOf(item) }));
  keyed.sort((a, b) => compareKeys(a.key, b.key, descending));
  const found = after === null ? 0 : keyed.findIndex(({ key }) => compareKeys(key, after, descending) > 0);
  const start = found === -1 ? keyed.length : found;
  const page = keyed.slice(start, start + request.limit);
  const last = page.at(-1);
  const more = start + page.length < keyed.length;
  return {
    items: page.map(({ item }) => item),
    next: more && last !== undefined ? writeCursor(last.key) : null,
    total: items.length,
  };
}

/** The first sort name of `sort`, without the minus that turns it. */
export function sortOrder<Sort extends string>(sort: Sort): { by: string; descending: boolean } {
  return sort.startsWith('-') ? { by: sort.slice(1), descending: true } : { by: sort, descending: false };
}

/** A text as people order it: without case, numbers by their value (`web-2` before `web-10`). */
export function naturalKey(text: string): string {
  return text
    .normalize('NFKC')
    .toLowerCase()
    .replace(/\d+/g, (digits) => digits.padStart(12, '0'));
}

function writeCursor(key: SortKey): string {
  return Buffer.from(JSON.stringify(key)).toString('base64url');
}

function readCursor(cursor: string): SortKey {
  let raw: unknown;
  try {
    raw = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'));
  } catch (cause) {
    throw wrongCursor(cause);
  }
  const parsed = CursorSchema.safeParse(raw);
  if (!parsed.success) throw wrongCursor(parsed.error);
  return parsed.data;
}

function wrongCursor(cause: unknown): OutrunnerError {
  const message = 'This is not a cursor that a list gave out.';
  return new OutrunnerError('invalid-input', { detail: message, fields: [{ path: 'query.cursor', message }], cause });
}
