import type { Route } from '../protocol/api/route.ts';
import { ROUTES, type RouteAnswer, type RouteRequest, routePath } from '../protocol/api/routes.ts';
import type { Clock } from '../protocol/clock.ts';
import { OutrunnerError, ProblemCodeSchema, ProblemSchema } from '../protocol/problems.ts';
import type { Target } from './api-request.ts';

/** `net.fetch` of Electron (proxies and certificates of the system), or that of Node. */
export type Fetch = (url: string, init: RequestInit & { duplex?: 'half' }) => Promise<Response>;

export interface Caller {
  readonly fetch: Fetch;
  readonly clock: Clock;
}

type Calls = Pick<
  typeof ROUTES,
  'health' | 'signIn' | 'signOut' | 'me' | 'listPackages' | 'getRunner' | 'describeInstall'
>;
const ANSWER_WITHIN_MS = 10_000;

/**
 * Calls a coordinator for the shell itself. The answer is parsed by the row of the table.
 * @throws OutrunnerError with the coordinator's own problem code, or `coordinator-unreachable` when nobody answered in
 * `withinMs`, or somebody who is no coordinator.
 */
export async function callCoordinator<Name extends keyof Calls>(
  { fetch, clock }: Caller,
  target: Target,
  name: Name,
  request: RouteRequest<Calls[Name]>,
  withinMs = ANSWER_WITHIN_MS,
): Promise<RouteAnswer<Calls[Name]>> {
  const row: Route = ROUTES[name];
  const { params, body } = request as { params?: Record<string, unknown>; body?: unknown };
  const abort = new AbortController();
  const timer = clock.after(withinMs, () => abort.abort(new Error(`no answer within ${withinMs / 1000} s`)));
  try {
    const response = await fetch(new URL(routePath(row, params), target.url).href, {
      method: row.method,
      headers: {
        accept: 'application/json',
        ...(target.token === null ? {} : { authorization: `Bearer ${target.token}` }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      redirect: 'error',
      credentials: 'omit',
      cache: 'no-store',
      signal: abort.signal,
    });
    if (!response.ok) throw await problemOf(response);
    return (row.answer === undefined ? undefined : row.answer.parse(await response.json())) as RouteAnswer<Calls[Name]>;
  } catch (cause) {
    if (cause instanceof OutrunnerError) throw cause;
    throw unreachable(target.url, abort.signal.aborted ? abort.signal.reason : cause);
  } finally {
    timer.cancel();
  }
}

/** The problem that an answer carries; a stranger's answer is as good as none. */
export async function problemOf(response: Response): Promise<OutrunnerError> {
  const problem = ProblemSchema.safeParse(parseJson(await response.text()));
  const code = ProblemCodeSchema.safeParse(problem.data?.code);
  if (!problem.success || !code.success) {
    return new OutrunnerError('coordinator-unreachable', {
      detail: `Something that is not a coordinator answered with status ${response.status}.`,
    });
  }
  return new OutrunnerError(code.data, { detail: problem.data.detail, fields: problem.data.fields });
}

/** Nobody answered at `url`, and why. */
export function unreachable(url: string, cause: unknown): OutrunnerError {
  const reason = cause instanceof Error ? deepestMessage(cause) : String(cause);
  return new OutrunnerError('coordinator-unreachable', {
    detail: `The coordinator at ${new URL(url).host} cannot be reached: ${reason}.`,
    cause,
  });
}

/** `fetch failed` says nothing; what it wraps does. */
function deepestMessage(error: Error): string {
  return error.cause instanceof Error ? deepestMessage(error.cause) : error.message.replace(/\.$/, '');
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}
