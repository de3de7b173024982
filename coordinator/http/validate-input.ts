import { z } from 'zod';
import type { Route } from '../../protocol/api/route.ts';
import { type FieldProblem, fieldsOf, OutrunnerError } from '../../protocol/problems.ts';

/** Parts of a request before they are known to be right. */
export interface RawInput {
  readonly params: unknown;
  readonly query: unknown;
  /** undefined: nothing was sent. */
  readonly body: unknown;
}

export interface ValidInput {
  params: unknown;
  query: unknown;
  body: unknown;
}

/** Says what is missing in words instead of types. */
const inWords: z.core.$ZodErrorMap = (issue) =>
  issue.code === 'invalid_type' && issue.input === undefined ? 'This field is required.' : undefined;

const NOTHING = z.strictObject({});

/**
 * Makes the check of one row: every unknown or wrong field of path, query and body is named at once, in one `invalid-input`.
 * A query field that nobody knows is refused too: a filter that is silently ignored shows the wrong list.
 */
export function inputCheck(row: Pick<Route, 'params' | 'query' | 'body'>): (raw: RawInput) => ValidInput {
  const query = row.query === undefined ? NOTHING : z.strictObject(row.query.shape);
  return (raw) => {
    const fields: FieldProblem[] = [];
    const check = (schema: z.ZodType, value: unknown, prefix: string): unknown => {
      const parsed = schema.safeParse(value, { error: inWords });
      if (parsed.success) return parsed.data;
      fields.push(...fieldsOf(parsed.error, prefix));
      return undefined;
    };
    const params = row.params === undefined ? undefined : check(row.params, raw.params, 'params');
    const parsedQuery = check(query, { ...(raw.query as object) }, 'query');
    const body = check(row.body ?? NOTHING, raw.body === undefined ? {} : raw.body, '');
    if (fields.length > 0) throw new OutrunnerError('invalid-input', { detail: sentence(fields), fields });
    return {
      params,
      query: row.query === undefined ? undefined : parsedQuery,
      body: row.body === undefined ? undefined : body,
    };
  };
}

function sentence(fields: readonly FieldProblem[]): string {
  const [first] = fields;
  if (first === undefined) return '';
  const where = first.path === '' ? '' : `${first.path}: `;
  const more = fields.length > 1 ? ` (and ${fields.length - 1} more)` : '';
  return `${where}${first.message}${more}`;
}
