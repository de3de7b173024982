/** Where the console's page lives. Files and `/api/` have the same origin, so the page needs no other and no token. */
export const APP_SCHEME = 'app';
export const APP_HOST = 'outrunner';
export const APP_ORIGIN = `${APP_SCHEME}://${APP_HOST}`;
export const APP_URL = `${APP_ORIGIN}/`;

/**
 * Whether a URL is one of the console's own. Compares the parsed parts: a prefix test would let
 * `app://outrunner.evil/` and `app://outrunner@evil/` through.
 */
export function isOwnUrl(url: string): boolean {
  const parsed = URL.parse(url);
  return (
    parsed !== null &&
    parsed.protocol === `${APP_SCHEME}:` &&
    parsed.host === APP_HOST &&
    parsed.username === '' &&
    parsed.password === ''
  );
}

/** Whether an origin, as Electron names it for a frame or a request, is the console's own. */
export function isOwnOrigin(origin: string): boolean {
  return origin === APP_ORIGIN || origin === APP_URL;
}
