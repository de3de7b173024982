import type { z } from 'zod';

/**
 * One row of the table of REST calls. Coordinator, OpenAPI document, typed client of the console and the tests that send
 * bad input are all made from it, so that none of them can drift.
 */
export interface Route {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Below `/api/v1`, with `{name}` for each path parameter. */
  readonly path: string;
  readonly summary: string;
  /** Who may call: anyone, any signed-in user, or a system administrator. */
  readonly access: 'anyone' | 'user' | 'admin';
  readonly params?: z.ZodObject;
  readonly query?: z.ZodObject;
  readonly body?: z.ZodType;
  /** The body holds a password or a key of somebody: nothing of it is kept, not even a hash to know it again by. */
  readonly secretBody?: true;
  /** Status of success. */
  readonly status: 200 | 201 | 202 | 204;
  /** What a success carries; absent for 204 and for streams. */
  readonly answer?: z.ZodType;
  /** The answer is no JSON: a download or a stream, described here. */
  readonly stream?: { readonly contentType: string; readonly description: string };
}

/** Keeps the exact types of a row, so that its handler and its callers are typed by it. */
export function route<const Row extends Route>(row: Row): Row {
  return row;
}
