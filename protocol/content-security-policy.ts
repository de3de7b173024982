/**
 * Under which rules the console's page runs. One text for both who serve it, the coordinator to a browser and the desktop
 * shell to its window: a page that works under one works under the other.
 */

/** Where the page finds its nonce: `<meta name="csp-nonce" content="…">`. For style elements that libraries make at run time. */
export const NONCE_META = 'csp-nonce';

/**
 * Value of the `Content-Security-Policy` header. Everything comes from the page's own origin, nothing is inline but style
 * elements that carry the nonce. `nonce` is new for each response, at least 128 random bits in base64url.
 */
export function contentSecurityPolicy(nonce: string): string {
  assertNonce(nonce);
  return [
    "default-src 'none'",
    "script-src 'self'",
    `style-src 'self' 'nonce-${nonce}'`,
    "font-src 'self'",
    "img-src 'self' data:",
    "connect-src 'self'",
    "worker-src 'self'",
    "manifest-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ');
}

/** Headers that go with the page and with each of its files, beside the policy. */
export const PAGE_HEADERS = {
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
} as const;

/** Where the built page leaves room for the nonce. */
export const NONCE_PLACE = '__CSP_NONCE__';

/**
 * Writes the nonce into the page: where it left room, else as the first thing of its head.
 * @throws Error when the page has neither: then it would run without styles, which nobody would understand.
 */
export function withNonce(html: string, nonce: string): string {
  assertNonce(nonce);
  if (html.includes(NONCE_PLACE)) return html.replaceAll(NONCE_PLACE, nonce);
  const head = /<head(?:\s[^>]*)?>/i.exec(html);
  if (!head) throw new Error('The page of the console has no <head>.');
  const end = head.index + head[0].length;
  return `${html.slice(0, end)}<meta name="${NONCE_META}" content="${nonce}">${html.slice(end)}`;
}

/** A nonce that could end its quotes would be a hole in the policy. */
function assertNonce(nonce: string): void {
  if (!/^[A-Za-z0-9_-]{22,128}$/.test(nonce)) throw new Error('The nonce must be at least 128 bits in base64url.');
}
