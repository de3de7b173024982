import { isOwnOrigin, isOwnUrl } from './own-url.ts';

/** What the page may use of the browser's powers. Everything that is not named is denied, also what comes with new versions. */
const ALLOWED: ReadonlySet<string> = new Set(['clipboard-sanitized-write', 'notifications']);

/** For requests (a prompt elsewhere) and for checks: the answer is the same. `requester` is a URL or an origin. */
export function isPermitted(permission: string, requester: string | undefined, isMainFrame: boolean): boolean {
  if (!ALLOWED.has(permission) || requester === undefined || !isMainFrame) return false;
  return isOwnOrigin(requester) || isOwnUrl(requester);
}
