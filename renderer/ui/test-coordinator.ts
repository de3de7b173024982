import { ROUTES, type RouteAnswer, type RouteName } from '../../protocol/api/routes.ts';
import { OutrunnerError, toProblem } from '../../protocol/problems.ts';

type Routes = typeof ROUTES;

export interface Asked {
  readonly params: Record<string, string>;
  readonly query: Record<string, string>;
  readonly body: unknown;
  readonly idempotencyKey: string | null;
  readonly ifMatch: string | null;
}

/** What a test's coordinator says to a call; throws an OutrunnerError to refuse. */
export type Answers = { [Name in RouteName]?: (asked: Asked) => RouteAnswer<Routes[Name]> };

/**
 * Answers the page's calls in place of a coordinator, by the table of routes: each answer must fit its schema there.
 * Returns what was asked, in order, and the end of it.
 */
export function serveInPage(answers: Answers): { asked: [RouteName, Asked][]; stop: () => void } {
  const asked: [RouteName, Asked][] = [];
  const real = globalThis.fetch;
  globalThis.fetch = async (input, init) => {
    const request = new Request(input, init);
    const { pathname, searchParams } = new URL(request.url);
    const match = pathname.startsWith('/api/v1/') ? find(request.method, pathname.slice('/api/v1'.length)) : null;
    if (match === null) return real(input, init);
    const text = await request.text();
    const call: Asked = {
      params: match.params,
      query: Object.fromEntries(searchParams),
      body: text === '' ? undefined : JSON.parse(text),
      idempotencyKey: request.headers.get('Idempotency-Key'),
      ifMatch: request.headers.get('If-Match'),
    };
    asked.push([match.name, call]);
    try {
      const answer = answers[match.name];
      if (answer === undefined)
        throw new OutrunnerError('not-found', { detail: `The test does not answer ${match.name}.` });
      return Response.json(answer(call) ?? null, {
        status: ROUTES[match.name].status === 204 ? 200 : ROUTES[match.name].status,
      });
    } catch (error) {
      if (!(error instanceof OutrunnerError)) throw error;
      return Response.json(toProblem(error), { status: error.status });
    }
  };
  return {
    asked,
    stop: () => {
      globalThis.fetch = real;
    },
  };
}

function find(method: string, path: string): { name: RouteName; params: Record<string, string> } | null {
  for (const [name, row] of Object.entries(ROUTES)) {
    const names: string[] = [];
    const pattern = row.path.replace(/\{(\w+)\}/g, (_, param: string) => {
      names.push(param);
      return '([^/]+)';
    });
    const found = row.method === method ? new RegExp(`^${pattern}$`).exec(path) : null;
    if (found === null) continue;
    const params = Object.fromEntries(names.map((param, i) => [param, decodeURIComponent(found[i + 1] ?? '')]));
    return { name: name as RouteName, params };
  }
  return null;
}
