import type { Route } from '../../protocol/api/route.ts';
import { ROUTES, type RouteAnswer, type RouteName, type RouteRequest, routePath } from '../../protocol/api/routes.ts';
import { OutrunnerError, ProblemSchema } from '../../protocol/problems.ts';
import { ConsoleFault, CoordinatorError } from './coordinator-error.ts';

type Routes = typeof ROUTES;

export interface CallOptions {
  readonly signal?: AbortSignal;
  /** Makes a write safe to repeat: the coordinator answers a second one with the first one's result. */
  readonly idempotencyKey?: string;
  /** The write counts only while this is still the version there; else the answer is `precondition-failed`. */
  readonly ifVersion?: number | null;
}

/** Routes whose answer is a download or a stream: they go through {@link ApiClient.open}. */
export type StreamRouteName = {
  [Name in RouteName]: Routes[Name] extends { stream: object } ? Name : never;
}[RouteName];
export type JsonRouteName = Exclude<RouteName, StreamRouteName>;

/** `{}` may be left out where the row wants neither parameters nor a body. */
type RequestArguments<Name extends RouteName> =
  Record<string, never> extends RouteRequest<Routes[Name]>
    ? [request?: RouteRequest<Routes[Name]>, options?: CallOptions]
    : [request: RouteRequest<Routes[Name]>, options?: CallOptions];

export interface ApiClient {
  /**
   * Calls a row of the table of routes and returns its parsed answer (`undefined` for 204).
   * @throws CoordinatorError with the coordinator's problem; OutrunnerError `coordinator-unreachable` when nothing
   * answered; `internal` when the answer is not what the table says. An abort is rethrown as it is.
   */
  call<Name extends JsonRouteName>(name: Name, ...args: RequestArguments<Name>): Promise<RouteAnswer<Routes[Name]>>;
  /** Like {@link call} for a download or a stream: the open response, its status already checked. */
  open<Name extends StreamRouteName>(
    name: Name,
    request: RouteRequest<Routes[Name]>,
    options?: CallOptions & { readonly headers?: Record<string, string> },
  ): Promise<Response>;
}

type Fetch = (input: string, init: RequestInit) => Promise<Response>;
interface LooseRequest {
  readonly params?: Record<string, unknown>;
  readonly query?: Record<string, unknown>;
  readonly body?: unknown;
}

/** Makes a client on top of `fetch`. It keeps the CSRF value that `me` and `signIn` answer with, and sends it with writes. */
export function createApiClient(fetch: Fetch): ApiClient {
  let csrf: string | null = null;

  async function request(row: Route, asked: LooseRequest, options: CallOptions, more: Record<string, string>) {
    const headers = new Headers(more);
    if (row.method !== 'GET' && csrf !== null) headers.set('X-Outrunner-CSRF', csrf);
    if (options.idempotencyKey !== undefined) headers.set('Idempotency-Key', options.idempotencyKey);
    if (typeof options.ifVersion === 'number') headers.set('If-Match', `"${options.ifVersion}"`);
    const init: RequestInit = { method: row.method, headers, credentials: 'same-origin', cache: 'no-store' };
    if (asked.body !== undefined) {
      headers.set('Content-Type', 'application/json');
      init.body = JSON.stringify(asked.body);
    }
    if (options.signal) init.signal = options.signal;
    const response = await reach(() => fetch(routePath(row, asked.params, asked.query), init), options.signal);
    if (!response.ok) throw await problemOf(response, options.signal);
    return response;
  }

  return {
    async call(name, ...[asked, options]) {
      const row: Route = ROUTES[name];
      const response = await request(row, (asked ?? {}) as LooseRequest, options ?? {}, { Accept: 'application/json' });
      if (row.answer === undefined) return undefined as RouteAnswer<Routes[typeof name]>;
      const json: unknown = await reach(() => response.json(), options?.signal);
      const answer = row.answer.safeParse(json);
      if (!answer.success) {
        throw new ConsoleFault(
          `The coordinator answered “${row.summary}” in a form that this console does not understand.`,
          answer.error,
        );
      }
      if (name === 'me' || name === 'signIn') csrf = (answer.data as { csrf: string | null }).csrf;
      return answer.data as RouteAnswer<Routes[typeof name]>;
    },
    open: (name, asked, options = {}) => request(ROUTES[name], asked as LooseRequest, options, options.headers ?? {}),
  };
}

/** Runs one network act; only an abort keeps its own type. */
async function reach<T>(act: () => Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  try {
    return await act();
  } catch (cause) {
    if (signal?.aborted) throw cause;
    throw new OutrunnerError('coordinator-unreachable', { detail: 'The coordinator did not answer.', cause });
  }
}

async function problemOf(response: Response, signal: AbortSignal | undefined): Promise<OutrunnerError> {
  const text = await reach(() => response.text(), signal);
  const problem = ProblemSchema.safeParse(jsonOrNull(text));
  if (problem.success) return new CoordinatorError(problem.data);
  // A proxy in between, or no coordinator at all: it does not speak problem+json.
  return new OutrunnerError(response.status >= 500 ? 'coordinator-unreachable' : 'internal', {
    detail: `Something that is not the coordinator answered with status ${response.status}.`,
  });
}

function jsonOrNull(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

/** The client of this page. */
export const api: ApiClient = createApiClient((input, init) => globalThis.fetch(input, init));

/** {@link ApiClient.call} of this page's client. */
export const call: ApiClient['call'] = api.call;
