/** The one cookie: an opaque session secret that no script can read. */
export const SESSION_COOKIE = 'outrunner_session';

/** The session secret in a Cookie header, if there is one. */
export function readSessionCookie(header: string | undefined): string | null {
  for (const pair of (header ?? '').split(';')) {
    const at = pair.indexOf('=');
    if (at > 0 && pair.slice(0, at).trim() === SESSION_COOKIE) return pair.slice(at + 1).trim();
  }
  return null;
}

/** The Set-Cookie header that begins a session, or ends it with `secret` null. `secure`: the browser came over TLS. */
export function sessionCookie(secret: string | null, maxAgeSeconds: number, secure: boolean): string {
  const value = secret === null ? '; Max-Age=0' : `${secret}; Max-Age=${Math.floor(maxAgeSeconds)}`;
  return `${SESSION_COOKIE}=${value}; Path=/; HttpOnly; SameSite=Strict${secure ? '; Secure' : ''}`;
}
