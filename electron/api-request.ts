import { API_BASE } from '../protocol/api/routes.ts';
import { OutrunnerError } from '../protocol/problems.ts';
import { isOwnOrigin, isOwnUrl } from './own-url.ts';

/** Where requests of the page go now: a coordinator that the person chose, and the token for it. */
export interface Target {
  /** Base address without a path. */
  readonly url: string;
  readonly token: string | null;
}

/** What the mapper looks at: Electron's request, or any other with the same fields. */
export interface PageRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: Headers;
  /** Origin of the page that asked, as the browser knows it (not the page); absent when the browser itself asked. */
  readonly initiatorOrigin?: string;
}

export interface CoordinatorRequest {
  readonly url: string;
  readonly method: string;
  readonly headers: Headers;
}

const METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE']);
/** Of the page's headers only these go on: no cookie, no origin, and never its own idea of an authorization. */
const REQUEST_HEADERS = [
  'accept',
  'accept-language',
  'content-type',
  'idempotency-key',
  'if-match',
  'if-none-match',
  'last-event-id',
  'range',
  'if-range',
] as const;
/** What the coordinator may not tell the page: cookies do not work here, and the policy of the page is the shell's. */
const DROPPED_ANSWER_HEADERS = [
  'set-cookie',
  'transfer-encoding',
  'connection',
  'keep-alive',
  'access-control-allow-origin',
  'access-control-allow-credentials',
  'strict-transport-security',
  'clear-site-data',
  'service-worker-allowed',
  'location',
] as const;

/** Whether a request is for the coordinator (and not for a file of the page). */
export function isApiUrl(url: string): boolean {
  return isOwnUrl(url) && /^\/api(?:\/|$)/.test(new URL(url).pathname);
}

/**
 * Turns a request of the page into one to the coordinator, with the token that the page never sees.
 * @throws OutrunnerError `not-found` outside of the API, `method-not-allowed`, `not-allowed` when another page asked.
 */
export function toCoordinatorRequest(request: PageRequest, target: Target): CoordinatorRequest {
  if (!isOwnUrl(request.url)) throw new OutrunnerError('not-found');
  if (request.initiatorOrigin !== undefined && !isOwnOrigin(request.initiatorOrigin)) {
    throw new OutrunnerError('not-allowed', { detail: 'Only the console itself may speak to the coordinator.' });
  }
  const { pathname, search } = new URL(request.url);
  const base = new URL(target.url);
  // Parsed as the other end will parse it: what looks harmless here could be a way up there.
  const url = new URL(`${base.origin}${pathname}${search}`);
  if (!isApiPath(url.pathname) || url.origin !== base.origin || climbs(pathname)) throw new OutrunnerError('not-found');
  const method = request.method.toUpperCase();
  if (!METHODS.has(method)) throw new OutrunnerError('method-not-allowed');
  const headers = new Headers();
  for (const name of REQUEST_HEADERS) {
    const value = request.headers.get(name);
    if (value !== null) headers.set(name, value);
  }
  if (target.token !== null) headers.set('authorization', `Bearer ${target.token}`);
  return { url: url.href, method, headers };
}

function isApiPath(pathname: string): boolean {
  return pathname.startsWith(`${API_BASE}/`) || pathname === '/api/openapi.json';
}

/** Whether a decoder behind the coordinator's own could read a `..` out of it. */
function climbs(pathname: string): boolean {
  try {
    return decodeURIComponent(pathname)
      .split(/[\\/]/)
      .some((segment) => segment === '.' || segment === '..');
  } catch (error) {
    if (error instanceof URIError) return true;
    throw error;
  }
}

/** The headers of the coordinator's answer that the page gets. */
export function toPageHeaders(answer: Headers): Headers {
  const headers = new Headers(answer);
  for (const name of DROPPED_ANSWER_HEADERS) headers.delete(name);
  // What arrives here is decoded already: its length on the wire is not that of what goes on.
  if (headers.has('content-encoding')) for (const name of ['content-encoding', 'content-length']) headers.delete(name);
  headers.set('x-content-type-options', 'nosniff');
  return headers;
}

/** Whether the answer sends the page elsewhere. The API never does; something in between would, and is not followed. */
export function isRedirect(status: number): boolean {
  return status >= 300 && status < 400 && status !== 304;
}
