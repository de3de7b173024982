import { type LiveEvent, LiveEventSchema } from '../../protocol/api/live.ts';
import { ROUTES, type RouteAnswer, type RouteName, type RouteRequest, routePath } from '../../protocol/api/routes.ts';
import { OutrunnerError, type ProblemCode, ProblemSchema } from '../../protocol/problems.ts';

/** The REST interface as a script uses it: with a token, and answers that are checked against their schemas. */
export interface ApiClient {
  readonly url: string;
  readonly token: string;
  call<Name extends RouteName>(
    name: Name,
    request?: RouteRequest<(typeof ROUTES)[Name]>,
    init?: CallInit,
  ): Promise<RouteAnswer<(typeof ROUTES)[Name]>>;
  /** A call whose answer is no JSON. */
  fetch(path: string, init?: RequestInit): Promise<Response>;
  /** Opens the live stream; resolves when it stands. */
  live(): Promise<LiveFeed>;
}

export interface CallInit {
  /** For a POST that must not happen twice however often it is sent. */
  readonly idempotencyKey?: string;
  readonly signal?: AbortSignal;
}

export interface LiveFeed {
  /** Resolves with the first event, seen since the feed was opened or later, that `matches`. */
  until<Found extends LiveEvent>(matches: (event: LiveEvent) => event is Found): Promise<Found>;
  until(matches: (event: LiveEvent) => boolean): Promise<LiveEvent>;
  /** Drops what was seen so far. */
  forget(): void;
  close(): void;
}

/** Talks to the coordinator at `url` with a bearer token. Throws OutrunnerError with the code of the problem. */
export function apiClient(url: string, token: string): ApiClient {
  const headers = { authorization: `Bearer ${token}` };
  const send = (path: string, init: RequestInit = {}) =>
    fetch(`${url}${path}`, { ...init, headers: { ...headers, ...init.headers } });
  return {
    url,
    token,
    async call(name, request, init = {}) {
      const row = ROUTES[name];
      const { params, query, body } = (request ?? {}) as {
        params?: Record<string, unknown>;
        query?: Record<string, unknown>;
        body?: unknown;
      };
      const response = await send(routePath(row, params, query), {
        method: row.method,
        headers: {
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...(init.idempotencyKey === undefined ? {} : { 'idempotency-key': init.idempotencyKey }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        ...(init.signal === undefined ? {} : { signal: init.signal }),
      });
      if (!response.ok) throw await problemOf(response);
      if (!('answer' in row)) return undefined as never;
      return row.answer.parse(await response.json()) as never;
    },
    fetch: (path, init) => send(path, init),
    async live() {
      const abort = new AbortController();
      const response = await send('/api/v1/live', { signal: abort.signal });
      if (!response.ok || !response.body) throw await problemOf(response);
      return liveFeed(response.body, abort);
    },
  };
}

async function problemOf(response: Response): Promise<Error> {
  const text = await response.text();
  try {
    const problem = ProblemSchema.parse(JSON.parse(text));
    return new OutrunnerError(problem.code as ProblemCode, { detail: problem.detail, fields: problem.fields });
  } catch (cause) {
    return new Error(`HTTP ${response.status}, and no problem document: ${text.slice(0, 500)}`, { cause });
  }
}

function liveFeed(body: ReadableStream<Uint8Array>, abort: AbortController): LiveFeed {
  let seen: LiveEvent[] = [];
  const looks = new Set<(event: LiveEvent) => void>();
  const fails = new Set<(error: unknown) => void>();
  const read = async () => {
    const decoder = new TextDecoder();
    let rest = '';
    for await (const chunk of body) {
      rest += decoder.decode(chunk, { stream: true });
      const blocks = rest.split('\n\n');
      rest = blocks.pop() ?? '';
      for (const block of blocks) {
        if (!/^event: ?change$/m.test(block)) continue;
        const data = /^data: ?(.*)$/m.exec(block)?.[1];
        if (data === undefined) continue;
        const event = LiveEventSchema.parse(JSON.parse(data));
        seen.push(event);
        for (const look of looks) look(event);
      }
    }
    throw new Error('The live stream ended.');
  };
  read().catch((error: unknown) => {
    for (const fail of fails) fail(error);
  });
  return {
    until(matches: (event: LiveEvent) => boolean): Promise<never> {
      return new Promise<LiveEvent>((resolve, reject) => {
        const before = seen.find(matches);
        if (before) {
          resolve(before);
          return;
        }
        const look = (event: LiveEvent) => {
          if (!matches(event)) return;
          looks.delete(look);
          fails.delete(reject);
          resolve(event);
        };
        looks.add(look);
        fails.add(reject);
      }) as Promise<never>;
    },
    forget() {
      seen = [];
    },
    close: () => abort.abort(),
  };
}
