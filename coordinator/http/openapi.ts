import { z } from 'zod';
import type { Route } from '../../protocol/api/route.ts';
import { API_BASE } from '../../protocol/api/routes.ts';
import { ProblemSchema } from '../../protocol/problems.ts';

type Json = { [key: string]: unknown };
type Direction = 'input' | 'output';

/**
 * The OpenAPI document of the route table. Schemas that have a name in `protocol/` become components; what is sent and what
 * is answered may differ (defaults are optional only when sent), then the sent form is called `…Input`.
 */
export function openApiDocument(routes: Readonly<Record<string, Route>>, info: { version: string }): Json {
  const components = new Components();
  const paths: Record<string, Json> = {};
  for (const [operationId, row] of Object.entries(routes)) {
    const path = `${API_BASE}${row.path}`;
    paths[path] = { ...paths[path], [row.method.toLowerCase()]: operation(operationId, row, components) };
  }
  const responses = {
    Problem: {
      description: 'What is wrong',
      content: { 'application/problem+json': { schema: components.add(ProblemSchema, 'output') } },
    },
  };
  const settled = components.settle();
  return {
    openapi: '3.1.0',
    info: {
      title: 'Outrunner',
      version: info.version,
      description:
        'Lists answer `{items, next, total}`; send `next` back as `cursor`. Errors are RFC 9457 problem documents. ' +
        'Writes accept an `Idempotency-Key`. Times are ISO 8601 in UTC.',
    },
    servers: [{ url: '/' }],
    security: [{ token: [] }, { session: [] }],
    paths: settled.rename(paths),
    components: {
      securitySchemes: {
        token: { type: 'http', scheme: 'bearer' },
        session: { type: 'apiKey', in: 'cookie', name: 'outrunner_session' },
      },
      responses: settled.rename(responses),
      schemas: settled.schemas,
    },
  };
}

function operation(operationId: string, row: Route, components: Components): Json {
  const tag = row.path.split('/')[1] ?? '';
  const parameters = [
    ...parametersOf(row, 'params', 'path', components),
    ...parametersOf(row, 'query', 'query', components),
  ];
  return {
    operationId,
    summary: row.summary,
    tags: [tag],
    ...(row.access === 'anyone' ? { security: [] } : {}),
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(row.body === undefined
      ? {}
      : {
          requestBody: {
            required: true,
            content: { 'application/json': { schema: components.add(row.body, 'input') } },
          },
        }),
    responses: { [row.status]: success(row, components), default: { $ref: '#/components/responses/Problem' } },
  };
}

function success(row: Route, components: Components): Json {
  if (row.stream !== undefined) {
    const { contentType, description } = row.stream;
    return { description, content: { [contentType]: { schema: { type: 'string' } } } };
  }
  if (row.answer === undefined) return { description: 'Done' };
  return { description: 'Done', content: { 'application/json': { schema: components.add(row.answer, 'output') } } };
}

function parametersOf(row: Route, part: 'params' | 'query', place: 'path' | 'query', components: Components): Json[] {
  const shape = row[part]?.shape ?? {};
  return Object.entries(shape).map(([name, schema]) => {
    const field = schema as z.ZodType;
    const required = place === 'path' || !field.safeParse(undefined).success;
    return { name, in: place, required, schema: components.add(field, 'input') };
  });
}

/** Collects the named schemas of both directions, and settles at the end which of them need two forms. */
class Components {
  readonly #found: Record<Direction, Map<string, Json>> = { input: new Map(), output: new Map() };

  /** The schema with references to `#/components/schemas/<direction>:<name>`, to which {@link settle} gives their names. */
  add(schema: z.ZodType, direction: Direction): Json {
    const made = z.toJSONSchema(schema, { io: direction, unrepresentable: 'any', target: 'draft-2020-12' }) as Json;
    const { $schema: _dialect, $defs, ...rest } = made;
    for (const [name, definition] of Object.entries(($defs as Record<string, Json> | undefined) ?? {})) {
      this.#found[direction].set(name, pointed(definition, direction));
    }
    return pointed(rest, direction);
  }

  /** All components under their final names, and what gives references to them those names. */
  settle(): { schemas: Json; rename<T>(value: T): T } {
    const { input, output } = this.#found;
    const differs = differing(input, output);
    const nameOf = (direction: Direction, name: string) =>
      direction === 'input' && differs.has(name) ? `${name}Input` : name;
    const rename = <T>(value: T): T => mapReferences(value, nameOf);
    const entries = [
      ...[...output].map(([name, schema]) => [name, rename(schema)] as const),
      ...[...input].map(([name, schema]) => [nameOf('input', name), rename(schema)] as const),
    ];
    return { schemas: Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1))), rename };
  }
}

/** Names whose sent form is not the answered one, by itself or by what it refers to. */
function differing(input: ReadonlyMap<string, Json>, output: ReadonlyMap<string, Json>): Set<string> {
  const differs = new Set<string>();
  const plain = (schema: Json | undefined) => JSON.stringify(schema)?.replaceAll(/schemas\/(?:input|output):/g, '');
  for (const [name, schema] of input)
    if (output.has(name) && plain(schema) !== plain(output.get(name))) differs.add(name);
  for (let before = -1; before !== differs.size; ) {
    before = differs.size;
    for (const [name, schema] of input) {
      const text = JSON.stringify(schema);
      if (output.has(name) && [...differs].some((other) => text.includes(`"${reference('input', other)}"`)))
        differs.add(name);
    }
  }
  return differs;
}

function reference(direction: Direction, name: string): string {
  return `#/components/schemas/${direction}:${name}`;
}

/** Turns zod's references to local definitions into references to components of this direction. */
function pointed({ id: _id, ...schema }: Json, direction: Direction): Json {
  return withReferences(schema, (target) =>
    target.startsWith('#/$defs/') ? reference(direction, target.slice('#/$defs/'.length)) : target,
  );
}

function mapReferences<T>(value: T, nameOf: (direction: Direction, name: string) => string): T {
  return withReferences(value, (target) => {
    const match = /^#\/components\/schemas\/(input|output):(.+)$/.exec(target);
    if (match === null) return target;
    const [, direction, name] = match as unknown as [string, Direction, string];
    return `#/components/schemas/${nameOf(direction, name)}`;
  });
}

/** A copy of a document in which every `$ref` leads where `lead` says. */
function withReferences<T>(value: T, lead: (target: string) => string): T {
  const copy = (part: unknown, key?: string): unknown => {
    if (key === '$ref' && typeof part === 'string') return lead(part);
    if (Array.isArray(part)) return part.map((one) => copy(one));
    if (typeof part !== 'object' || part === null) return part;
    return Object.fromEntries(Object.entries(part).map(([name, inner]) => [name, copy(inner, name)]));
  };
  return copy(value) as T;
}
