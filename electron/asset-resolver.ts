import { isOwnUrl } from './own-url.ts';

/** Which file a request of the page means, or why none. `file` is relative, with forward slashes, and stays inside. */
export type Asset =
  | { readonly kind: 'page' }
  | { readonly kind: 'file'; readonly file: string; readonly contentType: string }
  | { readonly kind: 'refused'; readonly status: 400 | 404 | 405 };

/** Everything that the console is made of. What is not in here is not served. */
const CONTENT_TYPES: Readonly<Record<string, string>> = {
  html: 'text/html; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  css: 'text/css; charset=utf-8',
  json: 'application/json',
  svg: 'image/svg+xml',
  png: 'image/png',
  ico: 'image/x-icon',
  woff2: 'font/woff2',
  woff: 'font/woff',
  wasm: 'application/wasm',
  webmanifest: 'application/manifest+json',
  txt: 'text/plain; charset=utf-8',
};
const LONGEST_PATH = 1024;

/**
 * Resolves `app://outrunner/…` (anything but `/api/`). Files lie in `assets/` or at the root; every other path is a route
 * of the page itself, and gets the page: names of projects may have dots, so a dot alone does not make a file.
 */
export function resolveAsset(method: string, url: string): Asset {
  if (method !== 'GET' && method !== 'HEAD') return { kind: 'refused', status: 405 };
  if (!isOwnUrl(url)) return { kind: 'refused', status: 404 };
  const { pathname } = new URL(url);
  if (pathname.length > LONGEST_PATH) return { kind: 'refused', status: 400 };
  const segments = decodeSegments(pathname);
  if (segments === null) return { kind: 'refused', status: 400 };
  const isFilePlace = segments[0] === 'assets' || segments.length === 1;
  const name = segments.at(-1) ?? '';
  const extension = /\.([a-z0-9]+)$/.exec(name)?.[1];
  if (segments[0] !== 'assets' && (!isFilePlace || extension === undefined || name === 'index.html'))
    return { kind: 'page' };
  const contentType = extension === undefined ? undefined : CONTENT_TYPES[extension];
  if (contentType === undefined || !Object.hasOwn(CONTENT_TYPES, extension ?? ''))
    return { kind: 'refused', status: 404 };
  return { kind: 'file', file: segments.join('/'), contentType };
}

/** Decodes once, segment by segment; null when any of them could mean another folder, drive, stream or device. */
function decodeSegments(pathname: string): string[] | null {
  const segments: string[] = [];
  for (const raw of pathname.split('/').filter((part) => part !== '')) {
    let segment: string;
    try {
      segment = decodeURIComponent(raw);
    } catch (error) {
      if (error instanceof URIError) return null;
      throw error;
    }
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are among what this refuses
    if (segment === '.' || segment === '..' || /[\\/:*?"<>|\u0000-\u001f\u007f]/.test(segment)) return null;
    segments.push(segment);
  }
  return segments;
}
