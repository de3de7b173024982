import { timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import type { Route } from '../../protocol/api/route.ts';
import { OutrunnerError } from '../../protocol/problems.ts';
import type { Caller } from './call.ts';
import { isOriginAllowed } from './same-origin.ts';
import { readSessionCookie } from './session-cookie.ts';

/** The header in which a page sends its CSRF token back. */
export const CSRF_HEADER = 'x-outrunner-csrf';

/** Finds who holds a credential. Owned by this room, kept by identity. */
export interface Credentials {
  /** The account behind a secret that came as `carrier`, or null when it is unknown, expired or revoked. */
  find(secret: string, carrier: 'cookie' | 'bearer'): Promise<Caller | null>;
}

export interface CallerRequest {
  readonly method: string;
  readonly headers: IncomingHttpHeaders;
  readonly secure: boolean;
}

const READING = new Set(['GET', 'HEAD', 'OPTIONS']);

/**
 * Who makes this request, allowed to make it. @throws OutrunnerError `sign-in-needed`, `token-unknown`, `csrf-refused` or
 * `not-allowed`.
 */
export async function checkCaller(
  credentials: Credentials,
  row: Pick<Route, 'access'>,
  request: CallerRequest,
  publicUrl: string,
): Promise<Caller> {
  const caller = await findCaller(credentials, request);
  const writes = !READING.has(request.method);
  if (writes && caller.csrf !== null) checkCsrf(caller.csrf, request, publicUrl);
  // A reading token must not be handed secrets either, and what only administrators may see can hold some.
  if (caller.scope === 'read' && (writes || row.access === 'admin')) {
    throw new OutrunnerError('not-allowed', { detail: 'This token may only read.' });
  }
  return caller;
}

async function findCaller(credentials: Credentials, { headers }: CallerRequest): Promise<Caller> {
  const { authorization } = headers;
  if (authorization !== undefined) {
    const token = /^Bearer +([\w.~+/-]{1,300}=*)$/i.exec(authorization)?.[1];
    const caller = token === undefined ? null : await credentials.find(token, 'bearer');
    if (caller === null) throw new OutrunnerError('token-unknown');
    return caller;
  }
  const secret = readSessionCookie(headers.cookie);
  const caller = secret === null ? null : await credentials.find(secret, 'cookie');
  if (caller === null) throw new OutrunnerError('sign-in-needed');
  return caller;
}

function checkCsrf(expected: string, { headers, secure }: CallerRequest, publicUrl: string): void {
  if (!isOriginAllowed(headers.origin, headers.host, { publicUrl, secure })) {
    throw new OutrunnerError('csrf-refused', { detail: 'The request came from a page of another origin.' });
  }
  const sent = headers[CSRF_HEADER];
  if (typeof sent !== 'string' || !sameText(sent, expected)) {
    throw new OutrunnerError('csrf-refused', { detail: 'The X-Outrunner-CSRF header is missing or wrong.' });
  }
}

/** Compares without telling by its time how much of it was right. */
function sameText(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}
