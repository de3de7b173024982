import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { Route } from '../../protocol/api/route.ts';
import { API_BASE, ROUTES } from '../../protocol/api/routes.ts';
import { ProblemSchema } from '../../protocol/problems.ts';
import { startWhole, type WholeCoordinator } from '../testing/whole-coordinator.ts';

/**
 * Generated from the route table: each call is sent what its own schemas refuse, and must name it. A new row is covered the
 * moment it stands in the table.
 */

let whole: WholeCoordinator;
beforeAll(async () => {
  whole = await startWhole();
});
afterAll(() => whole.stop());

const rows = Object.entries(ROUTES) as [string, Route][];
const ID = '7f1f3f7e-3f0e-4f9e-8d7c-0d8f4f6b2a10';

/** A path with values that fit, except those given. */
function pathOf(row: Route, given: Record<string, string> = {}): string {
  return `${API_BASE}${row.path.replace(/\{(\w+)\}/g, (_, name: string) => {
    const fitting = name === 'project' || name === 'name' ? 'nowhere' : ID;
    return encodeURIComponent(given[name] ?? fitting);
  })}`;
}

/** What is no value of any field here: too long a text, a number, a list of nonsense, an object, nothing. */
const WRONG: unknown[] = [
  5,
  -1,
  true,
  null,
  'x'.repeat(2_000_001),
  [5],
  [null, {}],
  { a: 1 },
  '\u0000\u0007',
  [],
  1e308,
];

interface BadBody {
  readonly what: string;
  readonly body: unknown;
  /** Some problem's path must begin with one of these. */
  readonly named: readonly string[];
}

/** Bodies that the schema refuses, each wrong in one way that is known. */
function badBodies(schema: z.ZodType, largest: number): BadBody[] {
  const shape = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as JsonSchema;
  const variants = shape.anyOf ?? [shape];
  const found: BadBody[] = [
    { what: 'an unknown field', body: { nonsense: 1 }, named: ['nonsense', ''] },
    { what: 'a list instead of an object', body: [], named: [''] },
    { what: 'text instead of an object', body: '"text"', named: [''] },
    { what: 'a number instead of an object', body: '7', named: [''] },
    { what: 'null instead of an object', body: 'null', named: [''] },
  ];
  for (const variant of variants) {
    for (const name of Object.keys(variant.properties ?? {})) {
      for (const value of WRONG) {
        if (JSON.stringify(value).length > largest) continue;
        const body = { [name]: value };
        const paths = refusedPaths(schema, body).filter((path) => path === name || path.startsWith(`${name}.`));
        // Where a schema takes the value (true for a switch), it is not wrong.
        if (paths.length > 0)
          found.push({ what: `${name} = ${JSON.stringify(value).slice(0, 30)}`, body, named: [name] });
      }
    }
    for (const name of variant.required ?? []) found.push({ what: `no ${name}`, body: {}, named: [name, ''] });
  }
  return found;
}

interface JsonSchema {
  readonly properties?: Record<string, unknown>;
  readonly required?: readonly string[];
  readonly anyOf?: readonly JsonSchema[];
}

function refusedPaths(schema: z.ZodType, body: unknown): string[] {
  const parsed = schema.safeParse(body);
  if (parsed.success) return [];
  return parsed.error.issues.flatMap((issue) => {
    const path = issue.path.join('.');
    return issue.code === 'invalid_union' && path === ''
      ? issue.errors.flatMap((errors) => errors.map((one) => one.path.join('.')))
      : [path];
  });
}

/** Sends it and resolves with the fields that were named; rejects unless it is refused as `invalid-input` with words. */
async function refusedFields(method: string, path: string, body: unknown, what: string): Promise<string[]> {
  const answer = await whole.request(method, path, body === undefined ? {} : { body });
  const type = answer.headers.get('content-type') ?? '';
  const problem = type.includes('application/problem+json') ? ProblemSchema.parse(answer.body) : null;
  const fields = problem?.fields ?? [];
  if (answer.status === 400 && problem?.code === 'invalid-input' && fields.length > 0) {
    if (fields.every((field) => field.message !== '')) return fields.map((field) => field.path);
  }
  throw new Error(`${what} was answered with ${answer.status} ${JSON.stringify(answer.body).slice(0, 500)}`);
}

describe('bodies', () => {
  const withBody = rows.filter(([, row]) => row.body !== undefined);
  it.each(withBody)('%s refuses every body that its schema refuses, and names the field', async (_name, row) => {
    const { body: schema } = row;
    if (schema === undefined) throw new Error('This row has a body.');
    for (const bad of badBodies(schema, row.access === 'anyone' ? 50_000 : 8_000_000)) {
      const fields = await refusedFields(row.method, pathOf(row), bad.body, bad.what);
      const named = bad.named.some((name) => fields.some((path) => path === name || path.startsWith(`${name}.`)));
      expect([bad.what, fields, named]).toEqual([bad.what, fields, true]);
    }
  });

  it.each(withBody)('%s refuses what is no JSON, another media type, and what is too large', async (_name, row) => {
    const path = pathOf(row);
    expect(await whole.request(row.method, path, { body: '{"half' })).toMatchObject({
      status: 400,
      body: { code: 'invalid-json' },
    });
    const xml = { body: '<a/>', headers: { 'content-type': 'application/xml' } };
    expect(await whole.request(row.method, path, xml)).toMatchObject({ status: 415, body: { code: 'media-type' } });
    const large = { body: `{"a":"${'x'.repeat(9 << 20)}"}` };
    expect(await whole.request(row.method, path, large)).toMatchObject({
      status: 413,
      body: { code: 'body-too-large' },
    });
  });

  const without = rows.filter(([, row]) => row.body === undefined && row.method !== 'GET');
  it.each(without)('%s takes no body, and names the field of one that is sent', async (_name, row) => {
    expect(await refusedFields(row.method, pathOf(row), { nonsense: 1 }, 'a body')).toContain('nonsense');
  });
});

describe('paths and queries', () => {
  it.each(rows)('%s refuses a query field that it does not know', async (_name, row) => {
    const fields = await refusedFields(row.method, `${pathOf(row)}?nonsense=1`, undefined, 'nonsense');
    expect(fields).toContain('query.nonsense');
  });

  const queries = rows.flatMap(([name, row]) =>
    Object.entries(row.query?.shape ?? {}).map(([field, schema]) => [name, field, row, schema as z.ZodType] as const),
  );
  it.each(queries)('%s names its query field %s when that is wrong', async (_name, field, row, schema) => {
    const wrong = ['x'.repeat(3000), 'nonsense', '-1', '1.5', ''].filter((value) => !schema.safeParse(value).success);
    for (const value of wrong) {
      const path = `${pathOf(row)}?${field}=${encodeURIComponent(value)}`;
      expect(await refusedFields(row.method, path, undefined, `${field}=${value}`)).toContain(`query.${field}`);
    }
  });

  const params = rows.flatMap(([name, row]) =>
    Object.entries(row.params?.shape ?? {}).map(([field, schema]) => [name, field, row, schema as z.ZodType] as const),
  );
  it.each(params)('%s names its path part %s when that is wrong', async (_name, field, row, schema) => {
    const wrong = ['not an id!', '../../etc/passwd', '%00', 'x'.repeat(500)].filter(
      (value) => !schema.safeParse(value).success,
    );
    for (const value of wrong) {
      const fields = await refusedFields(row.method, pathOf(row, { [field]: value }), undefined, `${field}=${value}`);
      expect(fields).toContain(`params.${field}`);
    }
  });

  it('answers malformed addresses and unknown ones without failing', async () => {
    for (const path of [
      '/api/v1/runners/%',
      '/api/v1/%E0%A4%A',
      '/api/v1/nothing',
      '/api',
      '/api/v2/runners',
      `/api/v1/jobs/${'x'.repeat(5000)}`,
    ]) {
      const { status } = await whole.request('GET', path);
      expect([path, status >= 400 && status < 500]).toEqual([path, true]);
    }
  });

  it.each(rows)('%s says which methods its address takes', async (_name, row) => {
    const answer = await whole.request('PROPFIND', pathOf(row));
    const other = await whole.request(row.method === 'PUT' ? 'PATCH' : 'PUT', pathOf(row));
    for (const one of [answer, other]) expect([404, 405, 400]).toContain(one.status);
    if (other.status === 405) expect(other.headers.get('allow')).toContain(row.method);
  });
});

describe('things that are not there', () => {
  const named = rows.filter(
    // A name that nobody has is free, and what is no token is no address of an installation.
    ([, row]) => row.params !== undefined && row.body === undefined && !/^\/(?:runner-names|install)\b/.test(row.path),
  );
  it.each(named)('%s says not-found for an id or name that nobody has', async (_name, row) => {
    const query = row.path.endsWith('/package') ? '?platform=linux-x64' : '';
    expect(await whole.request(row.method, `${pathOf(row)}${query}`)).toMatchObject({
      status: 404,
      body: { code: 'not-found' },
    });
  });
});

it('has changed nothing by all of that, and logged no failure of its own', async () => {
  expect((await whole.call('listRunners')).body.total).toBe(0);
  expect((await whole.call('listProjects')).body.total).toBe(1);
  expect((await whole.call('listTokens')).body.total).toBe(0);
  expect(whole.log.filter((line) => line.includes('"level":"error"'))).toEqual([]);
});
